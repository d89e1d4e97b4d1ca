import { join } from 'node:path';

import { startWorker } from './celery.js';
import { findFreePort } from './ports.js';
import { preparePython } from './python.js';
import { startRedis } from './redis.js';
import type { Release } from './releasers.js';
import { startService } from './service.js';

export interface LiveServiceOptions {
  /** The folder with package.json, dist/ and workers-py/. */
  projectFolder: string;
  /** Called with a line before each step that takes long. */
  say: (line: string) => void;
  /** Is handed what to undo. */
  releaseLater: (release: Release) => void;
  /** More arguments for the celery command. */
  workerArguments?: readonly string[];
  /** Of the service's environment. */
  variables?: NodeJS.ProcessEnv;
}

/**
 * Starts Redis, a worker and the service, which writes no log file, all on free ports of 127.0.0.1; resolves to the
 * service's URL, such as http://127.0.0.1:8000
 * Throws a QuickstartError that names the way out where one of them can't be started.
 */
export async function startLiveService(options: LiveServiceOptions): Promise<string> {
  const { projectFolder, say, releaseLater, workerArguments, variables } = options;
  const environment = process.env;
  const workersFolder = join(projectFolder, 'workers-py');
  const python = await preparePython({ folder: workersFolder, environment, say });
  const redis = await startRedis({ environment, python: python.python });
  releaseLater(redis.stop);
  const worker = await startWorker({
    ...{ python, workersFolder, environment },
    redisUrl: redis.url,
    arguments: workerArguments,
  });
  releaseLater(() => worker.stop());
  const port = await findFreePort();
  const service = await startService({
    ...{ projectFolder, port, redisUrl: redis.url },
    environment: { ...environment, LOG_FILE: 'none', ...variables },
  });
  releaseLater(() => service.stop());
  return `http://127.0.0.1:${port}`;
}
