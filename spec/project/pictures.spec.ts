import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../stack/process.js';
import { openBrowser } from '../support/browser.js';
import { REPOSITORY } from '../support/fleet.js';

describe('npm run pictures', () => {
  it('takes the picture of the console', async function () {
    this.timeout(60_000);
    await (await openBrowser(this)).close();
    const folder = await mkdtemp(join(tmpdir(), 'pictures-'));
    try {
      const { code, output } = await runCommand({
        name: 'The script',
        command: process.execPath,
        arguments: [`${REPOSITORY}dist/pictures/main.js`, folder],
        environment: process.env,
        folder: REPOSITORY,
      });
      assert.equal(code, 0, output.join('\n'));
      assert.ok(statSync(join(folder, 'console.png')).size > 10_000);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
