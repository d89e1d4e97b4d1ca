import { startProcess, untilReady } from './process.js';
import type { RunningProcess } from './process.js';
import type { PythonEnvironment } from './python.js';
import { httpStatus } from './wait.js';

const START_DEADLINE_MS = 60_000;

// Celery takes each of these before what the workers' own configuration makes of REDIS_URL.
const BROKER_VARIABLES = [
  'CELERY_BROKER_URL',
  'CELERY_BROKER_READ_URL',
  'CELERY_BROKER_WRITE_URL',
  'CELERY_RESULT_BACKEND',
  'BROKER_URL',
  'RESULT_BACKEND',
];

export interface CeleryOptions {
  python: PythonEnvironment;
  /** The folder with worker.py. */
  workersFolder: string;
  redisUrl: string;
  /** The environment to inherit; its broker variables are left out in favour of `redisUrl`. */
  environment: NodeJS.ProcessEnv;
  /** Variables for this process alone, whichever they are. */
  variables?: NodeJS.ProcessEnv | undefined;
  /** More arguments for the celery command. */
  arguments?: readonly string[] | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Starts `celery -A worker worker` and waits until it takes tasks. `concurrency` is the number of
 * child processes. To stop it is a warm shutdown: running tasks end first, within the grace.
 * Throws a QuickstartError with the tail of its log if it doesn't get ready within a minute.
 */
export async function startWorker(
  options: CeleryOptions & { concurrency?: number | undefined },
): Promise<RunningProcess> {
  const { concurrency = 2, signal } = options;
  let ready = false;
  const running = await startCelery('Celery worker', options, {
    arguments: ['worker', '--loglevel', 'INFO', '--concurrency', String(concurrency)],
    onLine: (line) => {
      if (/@\S+ ready\.\s*$/.test(line)) ready = true;
    },
  });
  await untilReady(running, { isReady: () => ready, deadlineMs: START_DEADLINE_MS, signal });
  return running;
}

/**
 * Starts Flower on 127.0.0.1:`port`, with its API open to everybody on this machine, and waits until
 * it answers HTTP.
 * Throws a QuickstartError with the tail of its log if it doesn't answer within a minute.
 */
export async function startFlower(
  options: CeleryOptions & { port: number },
): Promise<RunningProcess> {
  const { port, signal } = options;
  const running = await startCelery('Flower', options, {
    arguments: ['flower', '--address=127.0.0.1', `--port=${port}`],
    variables: { FLOWER_UNAUTHENTICATED_API: 'true' },
  });
  const isReady = async (): Promise<boolean> =>
    (await httpStatus(`http://127.0.0.1:${port}/`)) !== undefined;
  await untilReady(running, { isReady, deadlineMs: START_DEADLINE_MS, signal });
  return running;
}

async function startCelery(
  name: string,
  options: CeleryOptions,
  own: { arguments: string[]; variables?: NodeJS.ProcessEnv; onLine?: (line: string) => void },
): Promise<RunningProcess> {
  const inherited = Object.entries(options.environment).filter(
    ([variable]) => !BROKER_VARIABLES.includes(variable),
  );
  return startProcess({
    name,
    command: options.python.binary('celery'),
    arguments: ['-A', 'worker', ...own.arguments, ...(options.arguments ?? [])],
    environment: {
      ...Object.fromEntries(inherited),
      REDIS_URL: options.redisUrl,
      PYTHONUNBUFFERED: '1',
      ...own.variables,
      ...options.variables,
    },
    folder: options.workersFolder,
    onLine: own.onLine,
  });
}
