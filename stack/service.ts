import { join } from 'node:path';

import { startProcess, untilReady } from './process.js';
import type { RunningProcess } from './process.js';
import { httpStatus } from './wait.js';

/** What `npm start` runs, in the folder with package.json. */
export const SERVICE_PROGRAM = 'dist/service/main.js';

const START_DEADLINE_MS = 30_000;

export interface ServiceOptions {
  /** The folder with package.json and dist/. */
  projectFolder: string;
  redisUrl: string;
  /** Port of 127.0.0.1 to listen on. */
  port: number;
  environment: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
}

/**
 * Starts the built service and waits until GET /health/ready answers 200.
 * Throws a QuickstartError with the tail of its output if it doesn't within half a minute.
 */
export async function startService(options: ServiceOptions): Promise<RunningProcess> {
  const { projectFolder, redisUrl, port, environment, signal } = options;
  const running = await startProcess({
    name: 'Service',
    command: process.execPath,
    arguments: ['--enable-source-maps', join(projectFolder, SERVICE_PROGRAM)],
    environment: {
      ...environment,
      REDIS_URL: redisUrl,
      // The service takes these before REDIS_URL, from a file .env too unless they are set.
      CELERY_BROKER_URL: redisUrl,
      CELERY_RESULT_BACKEND: redisUrl,
      FASTAPI_HOST: '127.0.0.1',
      FASTAPI_PORT: String(port),
    },
    folder: projectFolder,
  });
  const isReady = async (): Promise<boolean> =>
    (await httpStatus(`http://127.0.0.1:${port}/health/ready`)) === 200;
  await untilReady(running, { isReady, deadlineMs: START_DEADLINE_MS, signal });
  return running;
}
