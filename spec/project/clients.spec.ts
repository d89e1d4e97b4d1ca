import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { pageAt, readPages } from '../support/documents/markdown.js';
import { REPOSITORY } from '../support/fleet.js';

/** What runs the programs themselves is `npm run clients`. */
describe('docs/clients.md', () => {
  const page = pageAt(readPages(), 'docs/clients.md');
  for (const [language, file] of [
    ['ts', 'clients/typescript/main.ts'],
    ['python', 'clients/python/main.py'],
  ] as const) {
    it(`shows ${file} as it is`, () => {
      const program = readFileSync(`${REPOSITORY}${file}`, 'utf8');
      const blocks = page.blocks.filter((block) => block.language === language);
      assert.ok(blocks.length > 0);
      for (const { text } of blocks) {
        assert.ok(program.includes(text), `not in ${file}:\n${text}`);
      }
    });
  }
});
