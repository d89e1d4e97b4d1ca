import { fileURLToPath } from 'node:url';
import { startWorker } from '../../stack/celery.js';
import type { RunningProcess } from '../../stack/process.js';
import { preparePython, type PythonEnvironment } from '../../stack/python.js';
import { startRedis, type RedisServer } from '../../stack/redis.js';

/** What every spec may use: one Redis and one Celery worker, both real, for the whole run. */
export interface Fleet {
  python: PythonEnvironment;
  redis: RedisServer;
  worker: RunningProcess;
}

export const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
export const WORKERS_FOLDER = `${REPOSITORY}workers-py`;
/** Python modules of the specs: tasks that end in every way, and readers of results. */
export const PYTHON_MODULES = `${REPOSITORY}spec/support/python`;

let fleet: Fleet | undefined;

export function theFleet(): Fleet {
  if (fleet === undefined) {
    throw new Error(
      'The fleet is not started: run the specs with mocha and the settings in package.json',
    );
  }
  return fleet;
}

/** Runs once before all specs. */
export async function mochaGlobalSetup(): Promise<void> {
  const environment = process.env;
  const python = await preparePython({
    folder: WORKERS_FOLDER,
    environment,
    say: (line) => {
      process.stdout.write(`${line}\n`);
    },
  });
  const redis = await startRedis({ environment, python: python.python });
  const worker = await startWorker({
    python,
    workersFolder: WORKERS_FOLDER,
    redisUrl: redis.url,
    environment,
    variables: { PYTHONPATH: PYTHON_MODULES },
    arguments: ['--include', 'outcome_tasks'],
  });
  fleet = { python, redis, worker };
}

/** Runs once after all specs. A handle that a spec has left open fails the run. */
export async function mochaGlobalTeardown(): Promise<void> {
  await fleet?.worker.stop();
  await fleet?.redis.stop();
  setTimeout(() => {
    process.stderr.write(`Still open: ${process.getActiveResourcesInfo().join(', ')}\n`);
    process.exit(1);
  }, 5_000).unref();
}
