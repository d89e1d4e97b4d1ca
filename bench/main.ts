import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { runCommandLine } from '../stack/commandLine.js';
import { preparePython } from '../stack/python.js';
import { withReleasers } from '../stack/releasers.js';
import { AGAINST_COLUMNS, againstCells, runAgainst } from './against.js';
import { CASES } from './cases.js';
import { cells, COLUMNS } from './comparison.js';
import { CONTENDERS, PEER_FOLDER, type ContenderName } from './contenders.js';
import { curveCells, runCurves } from './curves.js';
import { buildGoPeer, NotBuilt } from './goPeer.js';
import { judge, readBounds } from './guard.js';
import { machineText } from './machine.js';
import { readOptions, USAGE, type Options } from './options.js';
import { writeReadme } from './readme.js';
import { runTable, type Results } from './runTable.js';
import { openStage, type Stage } from './stage.js';
import { startupText } from './startup.js';
import { textTable } from './textTable.js';
import { runWaiting } from './waiting.js';
import { WAITING_COLUMNS, waitingCells } from './waitingTable.js';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const RESULTS = `${PROJECT}bench/results/`;

process.exitCode = await runCommandLine({ readOptions, usage: USAGE, run: bench });

/** Resolves to the exit code. */
function bench(options: Options): Promise<number> {
  return withReleasers(async (releaseLater) => {
    const python = await preparePython({
      // Where the peer does not run, the workers' packages will do: they have a Redis.
      folder: options.mode === 'against' ? `${PROJECT}workers-py` : PEER_FOLDER,
      environment: process.env,
      say: progress,
    });
    const { contenders, goPeer, remark } = await chooseContenders(options);
    const stage = await openStage(python, releaseLater, goPeer);
    switch (options.mode) {
      case 'table':
        return showTable(stage, { ...options, contenders }, remark);
      case 'curves':
        return showCurves(stage);
      case 'waiting':
        return showWaiting(stage);
      case 'guard':
        return guard(stage, options);
      case 'against':
        return showAgainst(stage, options);
    }
  });
}

interface Chosen {
  contenders: readonly ContenderName[];
  /** The program of the peer in Go, if that is one of them. */
  goPeer?: string;
  /** Who is left out; empty for none. */
  remark: string;
}

/** The peer in Go is left out where it can't be built, unless it was asked for by its name. */
async function chooseContenders({ mode, contenders }: Options): Promise<Chosen> {
  const chosen = contenders ?? CONTENDERS;
  if (mode !== 'table' || !chosen.includes('peer-go')) {
    return { contenders: chosen, remark: '' };
  }
  try {
    const folder = `${PROJECT}dist/bench`;
    return { contenders: chosen, goPeer: await buildGoPeer(folder, process.env), remark: '' };
  } catch (error) {
    if (contenders !== undefined || !(error instanceof NotBuilt)) throw error;
    return { contenders: withoutGo(chosen), remark: error.message };
  }
}

function withoutGo(contenders: readonly ContenderName[]): readonly ContenderName[] {
  return contenders.filter((name) => name !== 'peer-go');
}

async function showTable(
  stage: Stage,
  options: Options & Pick<Chosen, 'contenders'>,
  remark: string,
): Promise<number> {
  const results = await runTable(stage, options, progress);
  printTable(results);
  if (remark !== '') print(`\n${remark}`);
  await writeResults('latest.json', results);
  if (options.writesReadme) await writeReadme(PROJECT, results);
  return 0;
}

async function showCurves(stage: Stage): Promise<number> {
  const curves = await runCurves(stage, progress);
  print(`\n${machineText(curves.machine)}`);
  for (const curve of curves.curves) {
    print(`\n${curve.title}\n\n${textTable(...curveCells(curve))}`);
  }
  await writeResults('curves.json', curves);
  return 0;
}

async function showWaiting(stage: Stage): Promise<number> {
  const waiting = await runWaiting(stage, progress);
  print(
    `\n${machineText(waiting.machine)}\n\n${textTable(WAITING_COLUMNS, waitingCells(waiting))}`,
  );
  if (waiting.remark !== '') print(`\n${waiting.remark}`);
  await writeResults('waiting.json', waiting);
  return 0;
}

async function showAgainst(stage: Stage, { against = '', cases }: Options): Promise<number> {
  const comparisons = await runAgainst(stage, dirname(resolve(against)), cases, progress);
  const table = textTable(AGAINST_COLUMNS, againstCells(comparisons));
  print(`\n${machineText(comparisons.machine)}\n\n${table}`);
  await writeResults('against.json', comparisons);
  return 0;
}

async function guard(stage: Stage, options: Options): Promise<number> {
  const bounds = readBounds(`${PROJECT}bench/guard.json`);
  const cases = CASES.filter(({ name }) => name in bounds);
  const results = await runTable(
    stage,
    { ...options, cases, contenders: withoutGo(CONTENDERS) },
    progress,
  );
  printTable(results);
  if (results.rows.some((row) => row.cpuMicrosecondsPerRequest === undefined)) {
    print('\nNothing is judged: CPU time is read from /proc, which this system does not have.');
    return 0;
  }
  const verdicts = judge(results.rows, bounds);
  print('');
  for (const { holds, sentence } of verdicts) print(`${holds ? 'Holds' : 'BROKEN'}: ${sentence}.`);
  return verdicts.every(({ holds }) => holds) ? 0 : 1;
}

function printTable({ machine, rows, startups }: Results): void {
  print(`\n${machineText(machine)}\n\n${textTable(COLUMNS, cells(rows))}`);
  const startup = startupText(startups);
  if (startup !== '') print(`\n${startup}`);
}

async function writeResults(name: string, results: unknown): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  await writeFile(`${RESULTS}${name}`, `${JSON.stringify(results, undefined, 2)}\n`);
  print(`\nAlso in bench/results/${name}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** On standard error, so that standard output holds the tables alone. */
function progress(line: string): void {
  process.stderr.write(`  ${line}\n`);
}
