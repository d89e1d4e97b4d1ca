import { setImmediate, setTimeout as pause } from 'node:timers/promises';
import winston from 'winston';
import { LOG_LEVELS, type LogLevel } from '../config/values.js';
import { timestamp } from '../timestamp.js';
import { jsonFormat, LINE, type Fields } from './lines.js';
import { consoleTransport, fileTransport, type Transport } from './transports.js';

/** One method per level. `fields` are for programs; `undefined` ones are left out. */
export type Log = Record<Lowercase<LogLevel>, (message: string, fields?: Fields) => void>;

export interface LogOptions {
  level: LogLevel;
  /** Where to write JSON lines too, rotated at 10 MB with 5 kept; undefined for the console alone. */
  file: string | undefined;
  /** Lines for people or for programs on the standard output; undefined for the file alone. */
  console: 'readable' | 'json' | undefined;
  /** More transports for the entries. */
  transports?: readonly Transport[];
  /** Fields of every entry. */
  fields?: Fields;
}

/** How long additional transports may take to end, in milliseconds. */
const LAST_WORDS_MS = 1_000;

/**
 * Opens the log. A file that can't be written (a full disk, a folder without permission) costs one
 * warning on the console, which goes on alone.
 */
export function openLog({ level, file, console, transports = [], fields }: LogOptions): {
  log: Log;
  /** Writes whole lines of JSON that another process has made. */
  forward: (text: Buffer) => void;
  close: () => Promise<void>;
} {
  const opened = file === undefined ? undefined : fileTransport(file);
  const shown = console === undefined ? undefined : consoleTransport(console);
  const own = [shown, opened].filter((one) => one !== undefined);
  const logger = winston.createLogger({
    levels: Object.fromEntries(LOG_LEVELS.map((name, severity) => [name, severity])),
    level,
    format: jsonFormat(),
    defaultMeta: fields,
    transports: [...own.map(({ transport }) => transport), ...transports],
  });
  let isClosed = false;
  const add = (entry: winston.LogEntry): void => {
    // winston emits an error for an entry after its end.
    if (!isClosed) {
      logger.log(entry);
    }
  };
  const log = methodsOf(level, (name, message, more) => {
    add(entryOf(name, message, more));
  });

  const failed = new Set<Transport>();
  logger.on('error', ({ message: reason }: Error, transport: Transport) => {
    const isFirst = !failed.has(transport);
    failed.add(transport);
    if (transport === opened?.transport) {
      // winston adds a transport again that has emitted an error.
      logger.remove(transport);
      if (isFirst) {
        const message = 'The log file cannot be written; logging to the console alone';
        // Not by `add`, which takes nothing more while the log is closed.
        logger.log(entryOf('WARNING', message, { file, reason }));
      }
    } else if (isFirst) {
      log.warning('A transport of the log fails', { reason });
    }
  });

  return {
    log,
    forward(text) {
      const lines = text.toString().trimEnd();
      if (console === 'readable' || transports.length > 0) {
        for (const line of lines.split('\n')) {
          add(parsed(line));
        }
      } else {
        add(made(lines));
      }
    },
    async close() {
      isClosed = true;
      // Until the next turn of the event loop, a new logger keeps its entries to itself.
      await setImmediate();
      await opened?.close();
      shown?.flush();
      await (console && untilWritten());
      if (transports.length > 0) {
        const finished = new Promise((resolve) => logger.end(resolve));
        await Promise.race([finished, pause(LAST_WORDS_MS, undefined, { ref: false })]);
      }
    },
  };
}

/** Nothing is made of an entry below the level. */
function methodsOf(
  level: LogLevel,
  write: (name: LogLevel, message: string, fields?: Fields) => void,
): Log {
  const ignore = (): void => undefined;
  const methods = LOG_LEVELS.map((name, severity) => [
    name.toLowerCase(),
    severity > LOG_LEVELS.indexOf(level)
      ? ignore
      : (message: string, fields?: Fields) => {
          write(name, message, fields);
        },
  ]);
  return Object.fromEntries(methods) as Log;
}

function entryOf(level: LogLevel, message: string, fields?: Fields): winston.LogEntry {
  return { timestamp: timestamp(), level, message, ...fields };
}

/** An entry of lines that are finished, and pass every level. */
function made(lines: string): winston.LogEntry {
  return { level: 'CRITICAL', message: lines, [LINE]: lines };
}

/** A line that is no log entry stays as it is. */
function parsed(line: string): winston.LogEntry {
  try {
    const entry = JSON.parse(line) as Partial<winston.LogEntry> | null;
    if (LOG_LEVELS.some((level) => level === entry?.level)) {
      return entry as winston.LogEntry;
    }
  } catch {
    // Something else has written it.
  }
  return made(line);
}

/** Resolves when all that went to the console before has left it, or never will. */
function untilWritten(): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write('', () => {
      resolve();
    });
  });
}
