import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

import { speedChart } from './chart.js';
import { cells, COLUMNS } from './comparison.js';
import { machineText } from './machine.js';
import type { Results } from './runTable.js';
import { startupText } from './startup.js';
import { markdownTable } from './textTable.js';

const START = '<!-- npm run bench -- --write-readme -->';
const END = '<!-- end -->';

/** Puts the results between README.md's markers, and draws docs/speed.svg. */
export async function writeReadme(projectFolder: string, results: Results): Promise<void> {
  const path = join(projectFolder, 'README.md');
  const options = { ...(await resolveConfig(path)), parser: 'markdown' };
  await writeFile(path, await format(withSpeed(await readFile(path, 'utf8'), results), options));
  await mkdir(join(projectFolder, 'docs'), { recursive: true });
  await writeFile(join(projectFolder, 'docs', 'speed.svg'), speedChart(results));
}

/** The text with what its markers enclose replaced. */
export function withSpeed(text: string, results: Results): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END, start);
  if (start < 0 || end < 0) throw new Error(`README.md lacks ${START} or ${END}`);
  const { effort, machine, measuredAt, startups } = results;
  const rounds = `${effort.rounds} × ${effort.measuredMs / 1000} s, ${effort.connections} connections`;
  const table = markdownTable(COLUMNS, cells(results.rows));
  const parts = [
    table,
    startupText(startups),
    `${machineText(machine)}; ${rounds}; ${measuredAt.slice(0, 10)}.`,
  ];
  const inside = `\n\n${parts.filter((part) => part !== '').join('\n\n')}\n\n`;
  return text.slice(0, start + START.length) + inside + text.slice(end);
}
