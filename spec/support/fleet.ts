import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startWorker } from '../../stack/celery.js';
import { preparePython, type PythonEnvironment } from '../../stack/python.js';
import { startRedis } from '../../stack/redis.js';

/** What every spec may use: a Redis and a Celery worker, both real, that no other spec uses at the same time. */
export interface Fleet {
  python: PythonEnvironment;
  redis: { url: string; port: number };
}

export const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
export const WORKERS_FOLDER = `${REPOSITORY}workers-py`;
/** Python modules of the specs: tasks that end in every way, and readers of results. */
export const PYTHON_MODULES = `${REPOSITORY}spec/support/python`;

/** One for each of the files that `npm test` runs at a time: `--jobs` in package.json. */
const FLEETS = 2;

/** What mocha's own process tells those that it runs files in. */
const ADDRESSES = 'SPEC_FLEETS';

interface Addresses {
  python: { path: string; version: string };
  redis: readonly Fleet['redis'][];
}

/** The fleet of the mocha process that this spec runs in. */
export function theFleet(): Fleet {
  const text = process.env[ADDRESSES];
  if (text === undefined) {
    throw new Error(
      'The fleet is not started: run the specs with mocha and the settings in package.json',
    );
  }
  const { python, redis } = JSON.parse(text) as Addresses;
  // Mocha numbers its processes from 0, and gives the next number to one that replaces a crashed one.
  const own = redis[Number(process.env.MOCHA_WORKER_ID ?? 0) % redis.length];
  if (own === undefined) {
    throw new Error('No fleet is started');
  }
  return {
    python: {
      python: python.path,
      version: python.version,
      binary: (name) => join(dirname(python.path), name),
    },
    redis: own,
  };
}

const releases: (() => Promise<void>)[] = [];

/** Runs once before all specs, in mocha's own process. */
export async function mochaGlobalSetup(this: { isParallelMode: () => boolean }): Promise<void> {
  const python = await preparePython({
    folder: WORKERS_FOLDER,
    environment: process.env,
    say: (line) => {
      process.stdout.write(`${line}\n`);
    },
  });
  const count = this.isParallelMode() ? FLEETS : 1;
  const redis = await Promise.all(Array.from({ length: count }, () => startFleet(python)));
  const addresses: Addresses = { python: { path: python.python, version: python.version }, redis };
  process.env[ADDRESSES] = JSON.stringify(addresses);
}

async function startFleet(python: PythonEnvironment): Promise<Fleet['redis']> {
  const environment = process.env;
  const redis = await startRedis({ environment, python: python.python });
  releases.push(redis.stop);
  const worker = await startWorker({
    python,
    workersFolder: WORKERS_FOLDER,
    redisUrl: redis.url,
    environment,
    variables: { PYTHONPATH: PYTHON_MODULES },
    arguments: ['--include', 'outcome_tasks'],
  });
  releases.unshift(() => worker.stop());
  return { url: redis.url, port: redis.port };
}

/** Runs once after all specs. A handle that is left open in mocha's own process fails the run. */
export async function mochaGlobalTeardown(): Promise<void> {
  for (const release of releases) {
    await release();
  }
  setTimeout(() => {
    process.stderr.write(`Still open: ${process.getActiveResourcesInfo().join(', ')}\n`);
    process.exit(1);
  }, 5_000).unref();
}
