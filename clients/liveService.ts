import { randomUUID } from 'node:crypto';
import { join } from 'node:path';

import { startWorker } from '../quickstart/celery.js';
import { findFreePort } from '../quickstart/ports.js';
import { preparePython } from '../quickstart/python.js';
import { startRedis } from '../quickstart/redis.js';
import type { Release } from '../quickstart/releasers.js';
import { startService } from '../quickstart/service.js';

/** What the programs are told of a service, in their environment. */
export interface Target {
  /** Such as http://127.0.0.1:8000 */
  url: string;
  /** A key of its `API_KEYS`; empty where it has none. */
  apiKey: string;
}

/**
 * Starts Redis, a worker and the service, which asks for a key, all on free ports of 127.0.0.1.
 * Throws a QuickstartError that names the way out where one of them can't be started.
 *
 * @param releaseLater is handed what to undo
 */
export async function startLiveService(
  projectFolder: string,
  say: (line: string) => void,
  releaseLater: (release: Release) => void,
): Promise<Target> {
  const environment = process.env;
  const workersFolder = join(projectFolder, 'workers-py');
  const python = await preparePython({ workersFolder, environment, say });
  const redis = await startRedis({ environment, python: python.python });
  releaseLater(redis.stop);
  const worker = await startWorker({ python, workersFolder, redisUrl: redis.url, environment });
  releaseLater(() => worker.stop());
  const apiKey = randomUUID();
  const port = await findFreePort();
  const service = await startService({
    projectFolder,
    redisUrl: redis.url,
    port,
    environment: { ...environment, API_KEYS: `clients=${apiKey}`, LOG_FILE: 'none' },
  });
  releaseLater(() => service.stop());
  return { url: `http://127.0.0.1:${port}`, apiKey };
}
