import { basename, dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { createStream } from 'rotating-file-stream';
import { LOG_LEVELS, type LogLevel } from './configValues.js';
import { timestamp } from './timestamp.js';

type Fields = Readonly<Record<string, unknown>>;

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
    async close() {
      isClosed = true;
      lines.flush();
      readableLines.flush();
      await (console && untilWritten(console.stream));
      await closeFile?.();
    },
  };
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

type WriteLine = (level: LogLevel, message: string, fields: Fields) => string;

/** Makes lines and hands them on to every output, many at a time. */
function createLines(write: WriteLine): {
  outputs: Set<Writable>;
  add: (...entry: Parameters<WriteLine>) => void;
  flush: () => void;
} {
  const outputs = new Set<Writable>();
  let text = '';
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const cleaned = withoutCredentials(escaped(text));
    text = '';
    for (const output of outputs) {
      output.write(cleaned);
    }
  };

  return {
    outputs,
    add(level, message, fields) {
      if (outputs.size === 0) {
        return;
      }
      text += `${write(level, message, fields)}\n`;
      if (text.length >= WRITTEN_AT_ONCE) {
        flush();
      } else {
        timer ??= setTimeout(flush, LONGEST_WAIT_MS);
      }
    },
    flush,
  };
}

function jsonLine(level: LogLevel, message: string, fields: Fields): string {
  const head = `{"timestamp":"${timestamp()}","level":"${level}","message":${JSON.stringify(message)}`;
  const rest = JSON.stringify(fields);
  return rest === '{}' ? `${head}}` : `${head},${rest.slice(1)}`;
}

/** No text can begin an entry of its own: values are written as JSON, and the lines of a stack are indented. */
function readableLine(level: LogLevel, message: string, { stack, ...fields }: Fields): string {
  const details = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  const trace = typeof stack === 'string' ? stack.split('\n') : [];
  const start = `${timestamp()} ${level.padEnd(8)} ${message.replaceAll('\n', '\\u000a')}`;
  return [`${start}${details.join('')}`, ...trace].join('\n    ');
}

/**
 * What a terminal or a viewer may take for the end of a line, a command or another direction of reading:
 * the control characters C0 but the end of our own lines, DEL and C1, the line separators, and the marks of bidirectional text (UAX #9).
 */
const CONTROLS = /(?!\n)[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** In lines of JSON, such characters stand in strings alone, where these escapes mean the same. */
function escaped(text: string): string {
  if (!/[^ -~\n]/.test(text)) {
    return text;
  }
  return text.replace(
    CONTROLS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * Hides user and password of every URL in a text: what stands between `://` and the last `@` of the same
 * word. Costs linear time, whatever the text.
 */
export function withoutCredentials(text: string): string {
  if (!text.includes('://')) {
    return text;
  }
  return text.replace(/[^\s"<>]+/g, (word) => {
    const start = word.indexOf('://');
    const end = word.lastIndexOf('@');
    return start >= 0 && end > start ? `${word.slice(0, start)}://***${word.slice(end)}` : word;
  });
}
