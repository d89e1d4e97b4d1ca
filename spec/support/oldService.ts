import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PEER_FOLDER } from '../../bench/contenders.js';
import { findFreePort } from '../../stack/ports.js';
import { startProcess, untilReady } from '../../stack/process.js';
import type { PythonEnvironment } from '../../stack/python.js';
import { httpStatus } from '../../stack/wait.js';

export interface OldService {
  url: string;
  close: () => Promise<void>;
}

/**
 * Starts the reference of the service being replaced, `bench/peer-fastapi/reference.py`, and waits until it answers.
 *
 * @param python with its packages
 * @param variables of its environment, REDIS_URL among them
 */
export async function startOldService(
  python: PythonEnvironment,
  variables: Readonly<Record<string, string>>,
): Promise<OldService> {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = await mkdtemp(join(tmpdir(), 'old-service-'));
  const running = await startProcess({
    name: 'The old service',
    command: python.binary('uvicorn'),
    arguments: ['reference:app', '--host', '127.0.0.1', '--port', String(port)],
    environment: {
      PATH: process.env.PATH,
      PEER_FORM: 'sync',
      LOG_FILE: join(folder, 'automation.log'),
      ...variables,
    },
    folder: PEER_FOLDER,
  });
  await untilReady(running, {
    isReady: async () => (await httpStatus(`${url}/health`)) === 200,
    deadlineMs: 30_000,
  });
  return {
    url,
    close: async () => {
      await running.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
