import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isKept } from '../support/documents/kept.js';
import { pageAt, readPages } from '../support/documents/markdown.js';
import { REPOSITORY } from '../support/fleet.js';

const pages = readPages();

describe('README.md', () => {
  const readme = pageAt(pages, 'README.md');
  const firstScreen = readme.text.slice(0, readme.text.indexOf('\n## '));

  it('has one screen that tells what this is, shows it and starts it', () => {
    assert.match(firstScreen, /!\[[^\]]+\]\(docs\/console\.png\)/);
    assert.match(firstScreen, /!\[[^\]]+\]\(docs\/data-flow\.svg\)/);
    assert.match(firstScreen, /^npm ci && npm run quickstart /m);
    assert.ok(firstScreen.split('\n').length <= 45);
  });

  it('stays short: what grows has a page in docs/', () => {
    assert.ok(readme.text.split('\n').length <= 250);
  });

  it('quotes the figures that are measured', () => {
    const [assignment, waiting, faults] = firstScreen.match(/^- \*\*[^]*?(?=\n- |\n\n|$)/gm) ?? [];
    const speed = pageAt(pages, 'docs/speed.md').prose;
    const cell = (row: RegExp): string => row.exec(speed)?.[1] ?? '';
    const own = cell(/^\| assign-small +\| service +(?:\|[^|]*){3}\| +([\d.,]+) \|/m);
    assert.ok(own !== '' && assignment?.includes(`**${own} µs**`), assignment);
    const events = cell(/^\| events +\| +200 \| +([\d.,]+) \|/m);
    const polling = cell(/^\| poll every 2 s[^|]*\| +200 \| +([\d.,]+) \|/m);
    assert.ok(events !== '' && waiting?.includes(`**${events} ms**`), waiting);
    assert.ok(polling !== '' && waiting?.includes(` ${polling} ms`), waiting);
    const rows = pageAt(pages, 'docs/guarantees.md').prose.matchAll(
      /^\|[^|]*\|[^|]*\|[^|]*\|[^|]*\| +(\d+) +\| +(\d+) +\|/gm,
    );
    const outcomes = [...rows].map(([, lost, doubled]) => Number(lost) + Number(doubled));
    const clean = outcomes.filter((outcome) => outcome === 0).length;
    assert.ok(clean > 20 && faults?.includes(`in ${clean} of ${outcomes.length} `), faults);
  });

  it('tells of every folder, and of no other', () => {
    const section = readme.prose.slice(readme.prose.indexOf('\n## Architecture\n'));
    const rows = [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, name = '']) => name);
    const described = rows.filter((name) => name.endsWith('/'));
    const made = ['.git', 'node_modules', 'dist', 'logs'];
    const folders = ['', 'src/'].flatMap((parent) =>
      readdirSync(join(REPOSITORY, parent), { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && !made.includes(entry.name))
        .filter(({ name }) => isKept(join(parent, name)))
        .map(({ name }) => `${parent}${name}/`),
    );
    // A folder of one file is told of with the file that it belongs to.
    const told = new Set([...described, ...(section.match(/(?<=`)src\/\w+\/(?=`)/g) ?? [])]);
    assert.deepEqual([...told].sort(), folders.filter((folder) => folder !== 'src/').sort());
    for (const name of rows) assert.ok(existsSync(join(REPOSITORY, name)), name);
  });
});

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
