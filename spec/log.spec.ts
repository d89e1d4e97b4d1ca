import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLog } from '../src/log.js';

describe('The log file', () => {
  it('is rotated at 10 MB, and five old ones are kept', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'log-'));
    const { log, close } = openLog({
      level: 'INFO',
      file: join(folder, 'deep', 'automation.log'),
      console: 'none',
    });
    const megabyte = 'x'.repeat(1_000_000);
    for (let line = 0; line < 80; line++) {
      log.info('filler', { megabyte });
    }
    await close();
    const files = (await readdir(join(folder, 'deep'))).sort();
    assert.deepEqual(files, [
      'automation.log',
      ...[1, 2, 3, 4, 5].map((index) => `automation.log.${index}`),
    ]);
    for (const file of files) {
      assert.ok((await stat(join(folder, 'deep', file))).size <= 12_000_000);
    }
    await rm(folder, { recursive: true });
  });
});
