import { startWorker } from '../../stack/celery.js';
import type { RunningProcess } from '../../stack/process.js';
import { PYTHON_MODULES, theFleet, WORKERS_FOLDER } from './fleet.js';

/** Starts a worker of the fleet's tasks in another database, named `name@spec`. */
export function startWorkerIn(
  redisUrl: string,
  name: string,
  ...more: readonly string[]
): Promise<RunningProcess> {
  return startWorkerWith(redisUrl, name, {}, ...more);
}

/** The same, with variables of its own. */
export function startWorkerWith(
  redisUrl: string,
  name: string,
  variables: NodeJS.ProcessEnv,
  ...more: readonly string[]
): Promise<RunningProcess> {
  return startWorker({
    python: theFleet().python,
    workersFolder: WORKERS_FOLDER,
    redisUrl,
    environment: process.env,
    variables: { PYTHONPATH: PYTHON_MODULES, ...variables },
    arguments: ['--include', 'outcome_tasks', '--hostname', `${name}@spec`, ...more],
    concurrency: 1,
  });
}

/** The fleet's Redis, another database of it. */
export function databaseUrl(database: number): string {
  return theFleet().redis.url.replace(/0$/, String(database));
}
