import { basename, dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { createStream } from 'rotating-file-stream';
import { LOG_LEVELS, type LogLevel } from '../config/values.js';
import {
  cleaned,
  jsonLine,
  madeReadable,
  readableLine,
  type Fields,
  type WriteLine,
} from './lines.js';
import { timestamp } from '../timestamp.js';

/** One method per level. `fields` are for programs; `undefined` ones are left out. */
export type Log = Record<Lowercase<LogLevel>, (message: string, fields?: Fields) => void>;

export interface LogOptions {
  level: LogLevel;
  /** Where to write JSON lines too, rotated at 10 MB with 5 kept; undefined for the console alone. */
  file: string | undefined;
  /** Where lines for people or for programs go; undefined for the file alone. */
  console: { stream: Writable; format: 'readable' | 'json' } | undefined;
}

/**
 * Opens the log. A file that can't be written (a full disk, a folder without permission) costs one
 * warning on the console, which goes on alone.
 */
export function openLog({ level, file, console }: LogOptions): {
  log: Log;
  /** Writes whole lines of JSON that another process has made. */
  forward: (text: Buffer) => void;
  close: () => Promise<void>;
} {
  const lines = createLines(jsonLine);
  const readableLines = createLines(readableLine);
  if (console !== undefined) {
    (console.format === 'json' ? lines : readableLines).outputs.add(console.stream);
  }
  let isClosed = false;
  const methods = LOG_LEVELS.map((name, severity) => {
    const isShown = severity <= LOG_LEVELS.indexOf(level);
    const method = (message: string, fields: Fields = {}): void => {
      if (isShown && !isClosed) {
        lines.add(name, message, fields);
        readableLines.add(name, message, fields);
      }
    };
    return [name.toLowerCase(), method];
  });
  const log = Object.fromEntries(methods) as Log;
  const closeFile = file === undefined ? undefined : addFile(lines.outputs, log, file);
  return {
    log,
    forward(text) {
      lines.forward(text.toString());
      if (readableLines.outputs.size > 0) {
        const made = text.toString().trimEnd().split('\n').map(madeReadable);
        readableLines.forward(`${made.join('\n')}\n`);
      }
    },
    async close() {
      isClosed = true;
      lines.flush();
      readableLines.flush();
      await (console && untilWritten(console.stream));
      await closeFile?.();
    },
  };
}

/** The same log with more fields in every line. */
export function withFields(log: Log, fields: Fields): Log {
  const methods = Object.entries(log).map(([name, write]) => [
    name,
    (message: string, more?: Fields) => {
      write(message, { ...fields, ...more });
    },
  ]);
  return Object.fromEntries(methods) as Log;
}

function addFile(outputs: Set<Writable>, log: Log, file: string): () => Promise<void> {
  const stream = createStream(basename(file), { path: dirname(file), size: '10M', rotate: 5 });
  outputs.add(stream);
  stream.on('error', (error) => {
    if (outputs.delete(stream)) {
      log.warning('The log file cannot be written; logging to the console alone', {
        file,
        reason: error.message,
      });
    }
  });
  return async () => {
    if (outputs.has(stream)) {
      await new Promise<void>((resolve) => {
        stream.once('error', () => {
          resolve();
        });
        stream.end(resolve);
      });
    }
  };
}

/** Resolves when all that went to the stream before has left it, or never will. */
function untilWritten(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => {
      resolve();
    });
  });
}

/** How long a line may wait for others, in milliseconds: to write one costs more than to make it. */
const LONGEST_WAIT_MS = 10;

/** At most so much goes out at once: a file is rotated between two writes. */
const WRITTEN_AT_ONCE = 64 * 1024;

/** Makes lines and hands them on to every output, many at a time. */
function createLines(write: WriteLine): {
  outputs: Set<Writable>;
  add: (level: LogLevel, message: string, fields: Fields) => void;
  /** Adds lines that are made already. */
  forward: (lines: string) => void;
  flush: () => void;
} {
  const outputs = new Set<Writable>();
  let text = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const lines = cleaned(text);
    text = '';
    for (const output of outputs) {
      output.write(lines);
    }
  };

  const forward = (made: string): void => {
    if (outputs.size === 0) {
      return;
    }
    text += made;
    if (text.length >= WRITTEN_AT_ONCE) {
      flush();
    } else {
      timer ??= setTimeout(flush, LONGEST_WAIT_MS);
    }
  };

  return {
    outputs,
    add(level, message, fields) {
      if (outputs.size > 0) {
        forward(`${write(timestamp(), level, message, fields)}\n`);
      }
    },
    forward,
    flush,
  };
}
