import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startWorker } from '../quickstart/celery.js';
import { QuickstartError } from '../quickstart/failure.js';
import { findFreePort } from '../quickstart/ports.js';
import { preparePython } from '../quickstart/python.js';
import { startRedis } from '../quickstart/redis.js';
import { withReleasers } from '../quickstart/releasers.js';
import { startService } from '../quickstart/service.js';
import { launchChromium, NO_CHROMIUM } from '../spec/support/browser.js';
import { pictureOfConsole } from './console.js';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

const folder = process.argv[2] ?? join(PROJECT, 'docs');
process.exitCode = await takePictures(folder).then(
  () => 0,
  (error: unknown) => {
    process.stderr.write(
      `${error instanceof QuickstartError ? error.message : String((error as Error).stack)}\n`,
    );
    return 1;
  },
);

/** Writes console.png into a folder, taken from a service, a worker and a Redis of its own. */
async function takePictures(folder: string): Promise<void> {
  await withReleasers(async (releaseLater) => {
    const browser = await launchChromium();
    if (browser === undefined) throw new QuickstartError(`No picture is taken: ${NO_CHROMIUM}`);
    releaseLater(() => browser.close());
    const environment = process.env;
    const workersFolder = join(PROJECT, 'workers-py');
    const python = await preparePython({
      workersFolder,
      environment,
      say: (line) => process.stderr.write(`  ${line}\n`),
    });
    const redis = await startRedis({ environment, python: python.python });
    releaseLater(redis.stop);
    const worker = await startWorker({
      ...{ python, workersFolder, environment },
      redisUrl: redis.url,
      // What the console shows of it, in the place of this machine's name.
      arguments: ['--hostname', 'celery@worker-1'],
    });
    releaseLater(() => worker.stop());
    const port = await findFreePort();
    const service = await startService({
      ...{ projectFolder: PROJECT, port, redisUrl: redis.url },
      environment: { ...environment, LOG_FILE: 'none' },
    });
    releaseLater(() => service.stop());
    const picture = await pictureOfConsole(browser, `http://127.0.0.1:${port}/console`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'console.png'), picture);
    process.stdout.write(`${join(folder, 'console.png')}\n`);
  });
}
