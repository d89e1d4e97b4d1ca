import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { runCommand } from '../../stack/process.js';
import { openBrowser } from '../support/browser.js';
import { filesOf } from '../support/documents/kept.js';
import { readPages } from '../support/documents/markdown.js';
import { REPOSITORY } from '../support/fleet.js';

/** So that a page with several of them opens at once. */
const MAXIMUM_BYTES = 200_000;

describe('The pictures of the documents', () => {
  const shown = new Set(
    readPages().flatMap(({ path, links }) =>
      links
        .map(({ target }) => normalize(join(dirname(path), target)))
        .filter((target) => /\.(png|svg)$/.test(target)),
    ),
  );
  const kept = filesOf('docs/').filter((path) => /\.(png|svg|jpe?g|gif)$/.test(path));

  it('are small, and each is shown somewhere', () => {
    assert.deepEqual([...shown].sort(), kept.sort());
    for (const path of kept) {
      assert.ok(statSync(join(REPOSITORY, path)).size <= MAXIMUM_BYTES, path);
    }
  });

  it('can be read on light and on dark, and load nothing', () => {
    for (const path of kept.filter((name) => name.endsWith('.svg'))) {
      const picture = readFileSync(join(REPOSITORY, path), 'utf8');
      assert.match(picture, /prefers-color-scheme: dark/, path);
      assert.match(picture, /class="ground"/, path);
      assert.match(picture, /aria-label="[^"]+"/, path);
      assert.doesNotMatch(picture, /(href|src)=|url\((?!#)/, path);
    }
  });

  it('are taken of the console as it is', async function () {
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
      const taken = readFileSync(join(folder, 'console.png'));
      assert.ok(taken.length <= MAXIMUM_BYTES, `${taken.length} bytes`);
      assert.deepEqual(sizeOf(readFileSync(`${REPOSITORY}docs/console.png`)), sizeOf(taken));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** The width and height of a PNG, in pixels: its chunk IHDR, which is the first. */
function sizeOf(picture: Buffer): [number, number] {
  assert.equal(picture.toString('latin1', 1, 4), 'PNG');
  return [picture.readUInt32BE(16), picture.readUInt32BE(20)];
}
