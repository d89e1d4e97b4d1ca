import { readHttp, type HttpConfig } from './http.js';
import { misspeltVariables } from './misspelt.js';
import {
  createReader,
  deepFreeze,
  integerBetween,
  milliseconds,
  type ReadVariable,
} from './reader.js';
import { readRedis, type RedisConfig } from './redis.js';
import { readResults, readTasks, type ResultsConfig, type TasksConfig } from './tasks.js';
import { exportsSpans } from './tracing.js';
import { parseLogLevel, type LogLevel } from './values.js';

/** Everything that a team can set, by the subsystem that uses it. */
export interface Config {
  readonly http: HttpConfig;
  readonly redis: RedisConfig;
  readonly tasks: TasksConfig;
  readonly results: ResultsConfig;
  readonly log: {
    readonly level: LogLevel;
    /** A path, or undefined for the console alone. */
    readonly file: string | undefined;
  };
  readonly tracing: {
    /** Whether spans go to a collector; OpenTelemetry itself reads where and how. */
    readonly exportsSpans: boolean;
  };
  readonly process: {
    /** How many processes share the port. */
    readonly count: number;
    readonly shutdownDelayMs: number;
    readonly shutdownTimeoutMs: number;
  };
  /** Variables that have no effect and look like misspelt ones, such as `LOGLEVEL (LOG_LEVEL?)`. */
  readonly misspelt: readonly string[];
}

/** Lists every variable that can't be used, one per line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(faults: readonly string[]) {
    super(`The configuration can't be used:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  }
}

/**
 * Reads the configuration from environment variables, all described in `.env.template`. An empty
 * variable counts as unset.
 *
 * @param defaultLogFile where to log unless LOG_FILE says otherwise
 * @throws ConfigError one error for all faults
 */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  defaultLogFile: string,
): Config {
  const faults: string[] = [];
  const known = new Set<string>();
  const config = readAll(createReader(environment, faults, known), faults, defaultLogFile);
  if (faults.length > 0) {
    throw new ConfigError(faults);
  }
  return deepFreeze({ ...config, misspelt: misspeltVariables(environment, known) });
}

/** The names of all variables that it reads. */
export function variableNames(): readonly string[] {
  const known = new Set<string>();
  readAll(createReader({}, [], known), [], '');
  return [...known];
}

function readAll(
  read: ReadVariable,
  faults: string[],
  defaultLogFile: string,
): Omit<Config, 'misspelt'> {
  return {
    http: readHttp(read, faults),
    redis: readRedis(read, faults),
    tasks: readTasks(read),
    results: readResults(read),
    log: {
      level: read('LOG_LEVEL', parseLogLevel, 'INFO'),
      file: read(
        'LOG_FILE',
        (text) => (text.toLowerCase() === 'none' ? undefined : text),
        defaultLogFile,
      ),
    },
    tracing: { exportsSpans: exportsSpans(read) },
    process: {
      count: read('WEB_CONCURRENCY', integerBetween(1, 64), '1'),
      shutdownDelayMs: read('SHUTDOWN_DELAY_MS', integerBetween(0, 600_000), '0'),
      shutdownTimeoutMs: read('SHUTDOWN_TIMEOUT_MS', milliseconds, '8000'),
    },
  };
}
