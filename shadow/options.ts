import { parseArgs } from 'node:util';
import { parseRedisUrl, type RedisAddress } from '../src/celery/redisUrl.js';
import { ShadowError } from './failure.js';

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
  --queues NAMES      the queues to look at, separated by commas (worker_queue,automation_queue)
  --header LINE       a header of each request that brings none of this name, such as 'x-api-key: …'; may be repeated
  --allow FILE        more differences that are meant, in the form of shadow/intended.json; may be repeated
  --remove            takes the messages of these requests, and no others, out of the queues again
  --all               shows the differences that are meant, too
`;

export interface Options {
  python: URL;
  node: URL;
  casesFile: string;
  pythonRedis: RedisAddress | undefined;
  nodeRedis: RedisAddress | undefined;
  queues: readonly string[];
  /** By their names in lower case. */
  headers: Readonly<Record<string, string>>;
  allowFiles: readonly string[];
  removesMessages: boolean;
  showsIntended: boolean;
}

/** Throws an Error that says what is wrong with the arguments; never with a URL in it, which may hold a password. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      python: { type: 'string' },
      node: { type: 'string' },
      cases: { type: 'string' },
      'python-redis': { type: 'string' },
      'node-redis': { type: 'string' },
      queues: { type: 'string', default: 'worker_queue,automation_queue' },
      header: { type: 'string', multiple: true, default: [] },
      allow: { type: 'string', multiple: true, default: [] },
      remove: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
    },
  });
  const missing = (['python', 'node', 'cases'] as const).filter((name) => !values[name]);
  if (missing.length > 0) {
    throw new ShadowError(`Missing: ${missing.map((name) => `--${name}`).join(', ')}`);
  }
  if (values['node-redis'] !== undefined && values['python-redis'] === undefined) {
    throw new ShadowError('--node-redis needs --python-redis beside it: messages are compared');
  }
  const queues = values.queues.split(',').filter((name) => name !== '');
  if (queues.length === 0) {
    throw new ShadowError('--queues names no queue');
  }
  return {
    python: serviceUrl('--python', values.python),
    node: serviceUrl('--node', values.node),
    casesFile: values.cases ?? '',
    pythonRedis: redisAddress('--python-redis', values['python-redis']),
    nodeRedis: redisAddress('--node-redis', values['node-redis']),
    queues,
    headers: Object.fromEntries(values.header.map(headerOf)),
    allowFiles: values.allow,
    removesMessages: values.remove,
    showsIntended: values.all,
  };
}

function serviceUrl(option: string, text = ''): URL {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new ShadowError(`${option} must be a URL such as http://127.0.0.1:8000`);
  }
  return new URL(text);
}

function redisAddress(option: string, text: string | undefined): RedisAddress | undefined {
  if (text === undefined) {
    return undefined;
  }
  try {
    return parseRedisUrl(text);
  } catch (error) {
    throw new ShadowError(`${option} ${error instanceof Error ? error.message : String(error)}`);
  }
}

function headerOf(line: string): [name: string, value: string] {
  const [, name = '', value = ''] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(line) ?? [];
  if (name === '') {
    throw new ShadowError("--header must look like 'x-api-key: …'");
  }
  return [name.toLowerCase(), value];
}
