import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { QuickstartError } from '../quickstart/failure.js';
import { withReleasers } from '../quickstart/releasers.js';
import { cells, COLUMNS } from './comparison.js';
import { machineText } from './machine.js';
import { readOptions, USAGE, type Options } from './options.js';
import { runTable } from './runTable.js';
import { openStage } from './stage.js';
import { textTable } from './textTable.js';

const RESULTS = fileURLToPath(new URL('../../bench/results/', import.meta.url));

const options = readOptionsOrExplain(process.argv.slice(2));
process.exitCode = options === undefined ? 2 : await bench(options).catch(explain);

/** Resolves to the exit code. */
function bench(options: Options): Promise<number> {
  return withReleasers(async (releaseLater) => {
    const stage = await openStage(progress, releaseLater);
    const results = await runTable(stage, options, progress);
    print(`\n${machineText(results.machine)}\n`);
    print(textTable(COLUMNS, cells(results.rows)));
    await writeResults('latest.json', results);
    return 0;
  });
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

function readOptionsOrExplain(args: readonly string[]): Options | undefined {
  try {
    return readOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return undefined;
  }
}

/** Says why it failed; gives the exit code. */
function explain(error: unknown): number {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`\n${error instanceof QuickstartError ? error.message : stack}\n`);
  return 1;
}
