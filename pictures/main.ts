import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describeFailure } from '../stack/commandLine.js';
import { QuickstartError } from '../stack/failure.js';
import { startLiveService } from '../stack/liveService.js';
import { withReleasers } from '../stack/releasers.js';
import { launchChromium, NO_CHROMIUM } from '../spec/support/browser.js';
import { pictureOfConsole } from './console.js';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

const folder = process.argv[2] ?? join(PROJECT, 'docs');
process.exitCode = await takePictures(folder).then(
  () => 0,
  (error: unknown) => {
    process.stderr.write(`${describeFailure(error)}\n`);
    return 1;
  },
);

/** Writes console.png into a folder, taken from a service, a worker and a Redis of its own. */
async function takePictures(folder: string): Promise<void> {
  await withReleasers(async (releaseLater) => {
    const browser = await launchChromium();
    if (browser === undefined) throw new QuickstartError(`No picture is taken: ${NO_CHROMIUM}`);
    releaseLater(() => browser.close());
    const url = await startLiveService({
      projectFolder: PROJECT,
      say: (line) => process.stderr.write(`  ${line}\n`),
      releaseLater,
      // What the console shows of it, in the place of this machine's name.
      workerArguments: ['--hostname', 'celery@worker-1'],
    });
    const picture = await pictureOfConsole(browser, `${url}/console`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'console.png'), picture);
    process.stdout.write(`${join(folder, 'console.png')}\n`);
  });
}
