import { basename, dirname } from 'node:path';
import { createStream } from 'rotating-file-stream';
import winston from 'winston';
import { LINE, readableFormat } from './lines.js';

export type Transport = winston.transport;

/**
 * THE PLACE TO ADD A TRANSPORT: return it here, and it gets every entry of LOG_LEVEL or above, those of all
 * processes included: `timestamp`, `level` (DEBUG to CRITICAL), `message` and the fields, with credentials
 * hidden. Its first error costs one warning. docs/extending.md has an example.
 */
export function additionalTransports(): Transport[] {
  return [];
}

/** The console's transport, which keeps lines for a while. */
export interface ConsoleTransport {
  transport: Transport;
  /** Writes what it keeps. */
  flush: () => void;
}

/** Lines for people, or JSON for programs. */
export function consoleTransport(format: 'readable' | 'json'): ConsoleTransport {
  if (format === 'readable') {
    const transport = new winston.transports.Console({ eol: '\n', format: readableFormat });
    return { transport, flush: () => undefined };
  }
  const { options, flush } = batched((text) => process.stdout.write(text));
  return { transport: new winston.transports.Console(options), flush };
}

/** A file of JSON lines, rotated at 10 MB with 5 kept. Its errors are those of the transport. */
export function fileTransport(file: string): {
  transport: Transport;
  /** Writes what it keeps, and resolves when the file has it, or never will. */
  close: () => Promise<void>;
} {
  const stream = createStream(basename(file), { path: dirname(file), size: '10M', rotate: 5 });
  const { options, flush } = batched((text) => stream.write(text));
  const transport = new winston.transports.Stream({ stream, ...options });
  stream.on('error', (error) => transport.emit('error', error));
  return {
    transport,
    close: () =>
      new Promise((resolve) => {
        flush();
        if (stream.destroyed) {
          resolve();
          return;
        }
        stream.once('close', resolve);
        stream.end();
      }),
  };
}

/** How long a line may wait for others, in milliseconds: writing a line costs more than making it. */
const LONGEST_WAIT_MS = 10;

/** Characters per write, give or take a line. A file is rotated between two writes, so this bounds its size. */
const WRITTEN_AT_ONCE = 64 * 1024;

/**
 * Options of a transport that writes lines together. They are kept as text: kept as entries, by a stream that is
 * corked, they would outlive a collection of V8's young generation.
 */
function batched(write: (text: string) => void) {
  let text = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (text !== '') {
      write(text);
      text = '';
    }
  };
  const log = (entry: Record<symbol, string>, next: () => void): void => {
    text += `${entry[LINE] ?? ''}\n`;
    if (text.length >= WRITTEN_AT_ONCE) {
      flush();
    } else {
      timer ??= setTimeout(flush, LONGEST_WAIT_MS);
    }
    next();
  };
  return { options: { eol: '\n', log }, flush };
}
