import { parseArgs } from 'node:util';
import { ConfigError, variableNames } from './config.js';

/** What the command line asks for. */
export interface CommandLine {
  asks: 'start' | 'doctor' | 'help' | 'version';
  /** Whether the doctor is to answer in JSON. */
  isJson: boolean;
  /** By the names of variables: `--task-queue celery` is TASK_QUEUE. */
  variables: Readonly<Record<string, string>>;
}

/** Flags that need not be written in full: `USAGE` has them too. */
const SHORT_FLAGS: Readonly<Record<string, string>> = {
  redis: 'REDIS_URL',
  host: 'FASTAPI_HOST',
  port: 'FASTAPI_PORT',
};

/**
 * Reads the arguments of the program: a flag for each variable of the configuration.
 *
 * @throws ConfigError for a flag that there is not, or one without a value
 */
export function readCommandLine(programArguments: readonly string[]): CommandLine {
  const flags = new Map(Object.entries(SHORT_FLAGS));
  for (const name of variableNames()) {
    flags.set(flagOf(name), name);
  }
  const { values, positionals } = orConfigError(() =>
    parseArgs({
      args: [...programArguments],
      allowPositionals: true,
      options: {
        help: { type: 'boolean' },
        version: { type: 'boolean' },
        json: { type: 'boolean' },
        ...Object.fromEntries(Array.from(flags.keys(), (flag) => [flag, { type: 'string' }])),
      },
    }),
  );
  const [command, ...others] = positionals;
  const isDoctor = command === 'doctor';
  const [unknown] = isDoctor ? others : positionals;
  if (unknown !== undefined) {
    throw new ConfigError([`${unknown} is neither a flag nor doctor: see --help`]);
  }
  const isJson = values.json === true;
  if (isJson && !isDoctor) {
    throw new ConfigError(['--json is for doctor alone: see --help']);
  }
  const variables = Object.entries(values).flatMap(([flag, value]): [string, string][] => {
    const name = flags.get(flag);
    return name === undefined || typeof value !== 'string' ? [] : [[name, value]];
  });
  const asked = (['help', 'version'] as const).find((flag) => values[flag] === true);
  return {
    asks: asked ?? (isDoctor ? 'doctor' : 'start'),
    isJson,
    variables: Object.fromEntries(variables),
  };
}

/**
 * What `--help` prints: each variable's flag, with what `.env.template` says of it.
 *
 * @param template the text of that file
 */
export function helpText(template: string): string {
  const shown: string[] = [];
  let about: string[] = [];
  for (const line of template.slice(template.indexOf('# ---')).split('\n')) {
    const [, section] = /^# --- (.*?) -+$/.exec(line) ?? [];
    const [, variable] = /^([A-Z_]+)=/.exec(line) ?? [];
    if (section !== undefined) {
      shown.push(`\n${section}:`);
    } else if (variable !== undefined) {
      shown.push(`  --${flagOf(variable)}`, ...about);
      about = [];
    } else if (line.startsWith('# ')) {
      about.push(`      ${line.slice(2)}`);
    }
  }
  return `${USAGE}\n${shown.join('\n')}\n`;
}

const USAGE = `Usage: celery-orchestrator [FLAGS]
       celery-orchestrator doctor [--json] [FLAGS]

The HTTP front door of a fleet of Python Celery workers. Unless flags say otherwise, it listens on
port 8000 and works for the Redis at redis://localhost:6379/0. Each variable of its configuration is a
flag, which goes before the environment, and that before the file .env of the folder.

doctor starts nothing: it asks Redis and the workers for their settings, says what does not fit and what
mends it, and ends with 1 where something is wrong.

  --redis URL      short for --redis-url
  --port NUMBER    short for --fastapi-port
  --host ADDRESS   short for --fastapi-host
  --version        prints the version`;

/** `--task-queue` for TASK_QUEUE, without its dashes. */
function flagOf(variable: string): string {
  return variable.toLowerCase().replaceAll('_', '-');
}

function orConfigError<Value>(parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    // Its further sentences tell of arguments that are no flags.
    const [sentence = ''] = (error as Error).message.split('. ');
    throw new ConfigError([`${sentence}: see --help`]);
  }
}
