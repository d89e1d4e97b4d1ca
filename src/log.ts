import { basename, dirname } from 'node:path';
import { Writable } from 'node:stream';
import { createStream } from 'rotating-file-stream';
import winston from 'winston';
import { LOG_LEVELS, type LogLevel } from './configValues.js';

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
  /** Writes whole lines of JSON that another process has made. */
  forward: (lines: Buffer) => void;
  close: () => Promise<void>;
} {
  const jsonOutputs = new Set<Writable>(console?.format === 'json' ? [console.stream] : []);
  const streams = [createLineStream(jsonOutputs)];
  const logger = winston.createLogger({
    levels: Object.fromEntries(LOG_LEVELS.map((name, severity) => [name, severity])),
    level,
    // Made once for all transports. Without a format of its own, the logger would make another text.
    format: jsonLine,
    transports: [...streams.map((stream) => new winston.transports.Stream({ stream }))],
  });
  if (console?.format === 'readable') {
    const stream = createLineStream(new Set([console.stream]));
    streams.push(stream);
    logger.add(new winston.transports.Stream({ stream, format: readable }));
  }
  const log = Object.fromEntries(
    LOG_LEVELS.map((name) => [
      name.toLowerCase(),
      (message: string, fields: Fields = {}) => {
        // winston takes a line after its end for an error that nothing handles.
        if (logger.writable) {
          logger.log({ ...fields, level: name, message });
        }
      },
    ]),
  ) as unknown as Log;
  const closeFile = file === undefined ? undefined : addFile(jsonOutputs, log, file);
  return {
    log,
    forward(lines) {
      for (const output of jsonOutputs) {
        output.write(lines);
      }
      if (console?.format === 'readable') {
        console.stream.write(
          `${lines.toString().trimEnd().split('\n').map(madeReadable).join('\n')}\n`,
        );
      }
    },
    async close() {
      logger.end();
      await Promise.all(
        streams.map((stream) => new Promise<void>((resolve) => stream.end(resolve))),
      );
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

/** At most so much goes out at once: a file is rotated between two writes. */
const WRITTEN_AT_ONCE = 64 * 1024;

/**
 * A stream that hands lines on to every output, those of one turn of the event loop together: to write a
 * line costs more than to make it.
 */
function createLineStream(outputs: ReadonlySet<Writable>): Writable {
  return new Writable({
    decodeStrings: false,
    writev(lines, done) {
      setImmediate(() => {
        let text = '';
        const flush = () => {
          for (const output of outputs) {
            output.write(text);
          }
          text = '';
        };
        for (const { chunk } of lines) {
          text += String(chunk);
          if (text.length >= WRITTEN_AT_ONCE) {
            flush();
          }
        }
        if (text !== '') {
          flush();
        }
        done();
      });
    },
  });
}

const jsonLine = winston.format.printf(({ level, message, ...fields }) => {
  const timestamp = new Date().toISOString();
  return withoutCredentials(escaped(JSON.stringify({ timestamp, level, message, ...fields })));
});

/** No text can begin an entry of its own: values are written as JSON, and the lines of a stack are indented. */
const readable = winston.format.printf((entry) => readableLine(new Date().toISOString(), entry));

function readableLine(
  timestamp: string,
  { level, message, stack, ...fields }: Fields & { level: string },
): string {
  const details = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  const trace = typeof stack === 'string' ? stack.split('\n') : [];
  const line = `${timestamp} ${level.padEnd(8)} ${String(message)}${details.join('')}`;
  return withoutCredentials([line, ...trace].map(escaped).join('\n    '));
}

/** The readable line for one of JSON; whatever is no entry of a log stays as it is. */
function madeReadable(line: string): string {
  try {
    const { timestamp, ...entry } = JSON.parse(line) as Fields & {
      timestamp: string;
      level: string;
    };
    return readableLine(timestamp, entry);
  } catch {
    return escaped(line);
  }
}

/**
 * What a terminal or a viewer may take for the end of a line, a command or another direction of reading:
 * the control characters C0, DEL and C1, the line separators, and the marks of bidirectional text (UAX #9).
 */
const CONTROLS = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** In the text of JSON, such characters stand in strings alone, where these escapes mean the same. */
function escaped(text: string): string {
  if (!/[^ -~]/.test(text)) {
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
