import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

import { speedChart } from './chart.js';
import { cells, COLUMNS } from './comparison.js';
import { machineText } from './machine.js';
import type { Results } from './runTable.js';
import { startupText } from './startup.js';
import { figure, markdownTable } from './textTable.js';

const START = '<!-- npm run bench -- --write-readme -->';
const END = '<!-- end -->';

/** Puts the headline into README.md and the table into docs/speed.md, and draws docs/speed.svg. */
export async function writeReadme(projectFolder: string, results: Results): Promise<void> {
  await rewrite(join(projectFolder, 'README.md'), headline(results));
  await rewrite(join(projectFolder, 'docs', 'speed.md'), speedText(results));
  await writeFile(join(projectFolder, 'docs', 'speed.svg'), speedChart(results));
}

async function rewrite(path: string, inside: string): Promise<void> {
  const options = { ...(await resolveConfig(path)), parser: 'markdown' };
  const text = withMeasured(await readFile(path, 'utf8'), inside);
  await writeFile(path, await format(text, options));
}

/** The text with what its markers enclose replaced. */
export function withMeasured(text: string, inside: string): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END, start);
  if (start < 0 || end < 0) throw new Error(`There is no ${START}, or no ${END} after it`);
  return `${text.slice(0, start + START.length)}\n\n${inside}\n\n${text.slice(end)}`;
}

/** What an assignment costs, in one line of a list. */
export function headline({ rows }: Results): string {
  const rowOf = (work: string, name: string) =>
    rows.find((row) => row.case === work && row.contender === name);
  const [own, ...peers] = ['service', 'peer-sync', 'peer-async'].map((name) =>
    rowOf('assign-small', name),
  );
  const large = rowOf('assign-100kb', 'service');
  const costs = peers.map((peer) => peer?.cpuMicrosecondsPerRequest ?? Infinity);
  return (
    `- **${figure(own?.cpuMicrosecondsPerRequest)} µs** of CPU time for each task assigned, where a FastAPI ` +
    `orchestrator with the same routes needs ${figure(Math.min(...costs))} µs: ${figure(own?.ratios.peerCpu)} times as much, ` +
    `and ${figure(large?.ratios.peerCpu)} times with params of 100 kB.`
  );
}

/** The table, how long starts take, and on which machine. */
export function speedText({ effort, machine, measuredAt, rows, startups }: Results): string {
  const rounds = `${effort.rounds} × ${effort.measuredMs / 1000} s, ${effort.connections} connections`;
  const parts = [
    markdownTable(COLUMNS, cells(rows)),
    startupText(startups),
    `${machineText(machine)}; ${rounds}; ${measuredAt.slice(0, 10)}.`,
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}
