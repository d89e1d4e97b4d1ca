import { parseArgs } from 'node:util';
import { QuickstartError } from '../stack/failure.js';
import { parseRedisUrl } from '../src/config/redisUrl.js';
import type { RedisAddress } from '../src/redis/address.js';

export const USAGE = `Usage: npm run shadow -- --python URL --node URL --cases FILE [OPTIONS]

Sends each recorded request to the old service and to this one, compares status, headers, bodies and messages, and
prints what differs. Ends with 0 where nothing differs but what is meant to, with 1 where something else does, and
with 2 where it could not compare. docs/moving-over.md tells how to use it.

  --python URL        the old service
  --node URL          this service
  --cases FILE        the requests, one JSON object a line (shadow/cases.jsonl is an example)
  --python-redis URL  the old service's Redis, for its messages. No worker may be connected to it. Without it,
                      only GET, HEAD and OPTIONS are sent.
  --node-redis URL    this service's Redis, likewise; it may be the same one. Without it, this service is asked
                      for dry runs, and sends nothing.
                      What is on a command line, others of the machine can read: PYTHON_REDIS_URL and
                      NODE_REDIS_URL in the environment do the same, and are the place of a password.
  --python-prefix TEXT, --node-prefix TEXT
                      Celery's global_keyprefix of a service, where it has one: before all its keys in Redis, of
                      messages and of results
  --queues NAMES      the queues to look at, separated by commas (worker_queue,automation_queue)
  --header LINE       a header of each request that brings none of this name, such as 'x-api-key: …'; may be repeated
  --allow FILE        more differences that are meant, in the form of shadow/intended.json; may be repeated
  --remove            takes the messages of the tasks that the answers name out of the queues again, and no others
  --all               shows the differences that are meant, too
`;

export interface Options {
  python: URL;
  node: URL;
  casesFile: string;
  pythonRedis: RedisAddress | undefined;
  nodeRedis: RedisAddress | undefined;
  /** Before every key of that Redis; may be empty. */
  pythonPrefix: string;
  nodePrefix: string;
  queues: readonly string[];
  /** By their names in lower case. */
  headers: Readonly<Record<string, string>>;
  allowFiles: readonly string[];
  removesMessages: boolean;
  showsIntended: boolean;
}

/** Throws an Error that says what is wrong with the arguments; never with a value in it, which may hold a password. */
export function readOptions(args: readonly string[], environment: NodeJS.ProcessEnv): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    // Of one that there is not to be, parseArgs's own message would show the value.
    allowPositionals: true,
    options: {
      python: { type: 'string' },
      node: { type: 'string' },
      cases: { type: 'string' },
      'python-redis': { type: 'string' },
      'node-redis': { type: 'string' },
      'python-prefix': { type: 'string', default: '' },
      'node-prefix': { type: 'string', default: '' },
      queues: { type: 'string', default: 'worker_queue,automation_queue' },
      header: { type: 'string', multiple: true, default: [] },
      allow: { type: 'string', multiple: true, default: [] },
      remove: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
    },
  });
  if (positionals.length > 0) {
    throw new QuickstartError('A value has no option before it, such as --python-redis');
  }
  const pythonRedis = values['python-redis'] ?? unlessEmpty(environment.PYTHON_REDIS_URL);
  const nodeRedis = values['node-redis'] ?? unlessEmpty(environment.NODE_REDIS_URL);
  const missing = (['python', 'node', 'cases'] as const).filter((name) => !values[name]);
  if (missing.length > 0) {
    throw new QuickstartError(`Missing: ${missing.map((name) => `--${name}`).join(', ')}`);
  }
  if (nodeRedis !== undefined && pythonRedis === undefined) {
    throw new QuickstartError('--node-redis needs --python-redis beside it: messages are compared');
  }
  const queues = values.queues.split(',').filter((name) => name !== '');
  if (queues.length === 0) {
    throw new QuickstartError('--queues names no queue');
  }
  return {
    python: serviceUrl('--python', values.python),
    node: serviceUrl('--node', values.node),
    casesFile: values.cases ?? '',
    pythonRedis: redisAddress('--python-redis', pythonRedis),
    nodeRedis: redisAddress('--node-redis', nodeRedis),
    pythonPrefix: values['python-prefix'],
    nodePrefix: values['node-prefix'],
    queues,
    headers: Object.fromEntries(values.header.map(headerOf)),
    allowFiles: values.allow,
    removesMessages: values.remove,
    showsIntended: values.all,
  };
}

function unlessEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function serviceUrl(option: string, text = ''): URL {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new QuickstartError(`${option} must be a URL such as http://127.0.0.1:8000`);
  }
  return new URL(text);
}

function redisAddress(option: string, text: string | undefined): RedisAddress | undefined {
  if (text === undefined) {
    return undefined;
  }
  let address: RedisAddress;
  try {
    address = parseRedisUrl(text);
  } catch (error) {
    throw new QuickstartError(
      `${option} ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (address.options.sentinels !== undefined) {
    throw new QuickstartError(`${option} names sentinels: give the master's own redis:// address`);
  }
  return address;
}

function headerOf(line: string): [name: string, value: string] {
  const [, name = '', value = ''] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(line) ?? [];
  if (name === '') {
    throw new QuickstartError("--header must look like 'x-api-key: …'");
  }
  return [name.toLowerCase(), value];
}
