import { basename, dirname } from 'node:path';
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
  /** Lines for people or for programs. */
  console: 'readable' | 'json' | 'none';
}

/**
 * Opens the log. A file that can't be written (a full disk, a folder without permission) costs one
 * warning on the console, which goes on alone.
 */
export function openLog(options: LogOptions): { log: Log; close: () => Promise<void> } {
  const logger = winston.createLogger({
    levels: Object.fromEntries(LOG_LEVELS.map((level, severity) => [level, severity])),
    level: options.level,
    transports: [
      new winston.transports.Console({
        format: options.console === 'readable' ? readable : jsonLine,
        silent: options.console === 'none',
      }),
    ],
  });
  const log = Object.fromEntries(
    LOG_LEVELS.map((level) => [
      level.toLowerCase(),
      (message: string, fields: Fields = {}) => {
        // winston takes a line after its end for an error that nothing handles.
        if (logger.writable) {
          logger.log({ ...fields, level, message });
        }
      },
    ]),
  ) as unknown as Log;
  const closeFile = options.file === undefined ? undefined : addFile(logger, log, options.file);
  return {
    log,
    async close() {
      logger.end();
      await closeFile?.();
    },
  };
}

function addFile(logger: winston.Logger, log: Log, file: string): () => Promise<void> {
  const stream = createStream(basename(file), { path: dirname(file), size: '10M', rotate: 5 });
  const transport = new winston.transports.Stream({ stream, format: jsonLine });
  let usable = true;
  stream.on('error', (error) => {
    if (usable) {
      usable = false;
      logger.remove(transport);
      log.warning('The log file cannot be written; logging to the console alone', {
        file,
        reason: error.message,
      });
    }
  });
  logger.add(transport);
  return async () => {
    if (usable) {
      await new Promise<void>((resolve) => {
        stream.once('error', () => {
          resolve();
        });
        stream.end(resolve);
      });
    }
  };
}

const timestamp = winston.format.timestamp();

const jsonLine = winston.format.combine(
  timestamp,
  winston.format.printf(({ timestamp, level, message, ...fields }) =>
    withoutCredentials(escaped(JSON.stringify({ timestamp, level, message, ...fields }))),
  ),
);

/** No text can begin an entry of its own: values are written as JSON, and the lines of a stack are indented. */
const readable = winston.format.combine(
  timestamp,
  winston.format.printf(({ timestamp, level, message, stack, ...fields }) => {
    const details = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
    const trace = typeof stack === 'string' ? stack.split('\n') : [];
    const line = `${String(timestamp)} ${level.padEnd(8)} ${String(message)}${details.join('')}`;
    return withoutCredentials([line, ...trace].map(escaped).join('\n    '));
  }),
);

/**
 * What a terminal or a viewer may take for the end of a line, a command or another direction of reading:
 * the control characters C0, DEL and C1, the line separators, and the marks of bidirectional text (UAX #9).
 */
const CONTROLS = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** In the text of JSON, such characters stand in strings alone, where these escapes mean the same. */
function escaped(text: string): string {
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
  return text.replace(/[^\s"<>]+/g, (word) => {
    const start = word.indexOf('://');
    const end = word.lastIndexOf('@');
    return start >= 0 && end > start ? `${word.slice(0, start)}://***${word.slice(end)}` : word;
  });
}
