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

/** Lines for people, or JSON for programs. */
export function consoleTransport(format: 'readable' | 'json'): Transport {
  return format === 'readable'
    ? new winston.transports.Console({ eol: '\n', format: readableFormat })
    : new winston.transports.Console(batched((text) => process.stdout.write(text)));
}

/** A file of JSON lines, rotated at 10 MB with 5 kept. Its errors are those of the transport. */
export function fileTransport(file: string): { transport: Transport; close: () => Promise<void> } {
  const stream = createStream(basename(file), { path: dirname(file), size: '10M', rotate: 5 });
  const transport = new winston.transports.Stream({
    stream,
    ...batched((text) => stream.write(text)),
  });
  stream.on('error', (error) => transport.emit('error', error));
  return {
    transport,
    close: () =>
      new Promise((resolve) => {
        if (stream.destroyed) {
          resolve();
          return;
        }
        stream.once('close', resolve);
        stream.end();
      }),
  };
}

/** At most so many characters go out at once, give or take a line: a file is rotated between two writes. */
const WRITTEN_AT_ONCE = 64 * 1024;

/** Options of a transport that writes the lines that came while it was corked at once (`logv` of winston-transport). */
function batched(write: (text: string) => void) {
  return {
    eol: '\n',
    // With the 16 of object streams, a corked transport would stop the logger.
    highWaterMark: Number.MAX_SAFE_INTEGER,
    logv(entries: readonly { chunk: Record<symbol, string> }[], next: () => void) {
      let text = '';
      for (const { chunk } of entries) {
        text += `${chunk[LINE] ?? ''}\n`;
        if (text.length >= WRITTEN_AT_ONCE) {
          write(text);
          text = '';
        }
      }
      if (text !== '') {
        write(text);
      }
      next();
    },
  };
}
