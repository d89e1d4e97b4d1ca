import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { pageAt, readPages } from '../support/documents/markdown.js';
import { REPOSITORY } from '../support/fleet.js';

const pages = readPages();

describe('CHANGELOG.md', () => {
  it('has the version in work first, and the others below it with the day of their release', () => {
    const headings = [...pageAt(pages, 'CHANGELOG.md').prose.matchAll(/^## (.+)$/gm)].map(
      ([, it = '']) => /^(\d+)\.(\d+)\.(\d+)(?: \((\d{4}-\d{2}-\d{2})\))?$/.exec(it) ?? [it],
    );
    const versions = headings.map(([, ...parts]) => parts.slice(0, 3).join('.'));
    const { version } = JSON.parse(readFileSync(`${REPOSITORY}package.json`, 'utf8')) as {
      version: string;
    };
    assert.ok(versions.includes(version), `${version} is not told of`);
    const numbers = versions.map((one) =>
      one.split('.').reduce((sum, part) => sum * 1_000 + Number(part), 0),
    );
    assert.deepEqual(
      numbers,
      [...new Set(numbers)].sort((one, other) => other - one),
    );
    const dates = headings.map(([, , , , date]) => date);
    assert.deepEqual(
      dates.slice(1).map((date) => date !== undefined),
      dates.slice(1).map(() => true),
    );
    const days = dates.filter((date) => date !== undefined);
    assert.deepEqual(days, [...days].sort().reverse());
    for (const day of days) assert.ok(new Date(day).toISOString().startsWith(day), day);
  });
});
