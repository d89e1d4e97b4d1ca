import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

import { runCommandLine } from '../stack/commandLine.js';
import { QuickstartError } from '../stack/failure.js';
import { startLiveService } from '../stack/liveService.js';
import { runCommand, tail } from '../stack/process.js';
import { withReleasers, type Release } from '../stack/releasers.js';
import { createReport } from '../stack/report.js';
import { httpStatus } from '../stack/wait.js';
import { RECIPES, type Command } from './languages.js';
import { readOptions, USAGE, type Language, type Options } from './options.js';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** What each program prints, whatever its language. */
const EXPECTED = [
  'assigned once',
  'completed after 2 steps',
  'refused with 400: /params/duration must be >= 0',
];

/** What the programs are told of a service, in their environment. */
interface Target {
  /** Such as http://127.0.0.1:8000 */
  url: string;
  /** A key of its `API_KEYS`; empty where it has none. */
  apiKey: string;
}

const report = createReport(process.stdout, process.env);
process.exitCode = await runCommandLine({ readOptions, usage: USAGE, run: clients });

/** Resolves to the exit code. */
function clients({ languages, areNamed, url }: Options): Promise<number> {
  return withReleasers(async (releaseLater) => {
    const target =
      url === undefined
        ? await report.step(
            () => startTarget(releaseLater),
            (started) => `Redis, a worker and the service at ${started.url}`,
          )
        : await findService(url);
    const skipped: string[] = [];
    for (const language of languages) {
      const reason = await runLanguage(language, target);
      if (reason !== undefined) skipped.push(`${language} was skipped, as ${reason}`);
    }
    for (const sentence of skipped) report.print(sentence);
    // A run that has not shown what was asked for, or nothing at all, is no success.
    return skipped.length > (areNamed ? 0 : languages.length - 1) ? 1 : 0;
  });
}

/** Starts a service that asks for a key. */
async function startTarget(releaseLater: (release: Release) => void): Promise<Target> {
  const apiKey = randomUUID();
  const url = await startLiveService({
    ...{ projectFolder: PROJECT, say: report.say, releaseLater },
    variables: { API_KEYS: `clients=${apiKey}` },
  });
  return { url, apiKey };
}

/** Throws a QuickstartError where the contract is not there. */
async function findService(url: string): Promise<Target> {
  const status = await httpStatus(contractOf(url));
  if (status !== 200) {
    throw new QuickstartError(`${contractOf(url)} answers ${status ?? 'nothing within 2 s'}`);
  }
  return { url, apiKey: process.env.ORCHESTRATOR_API_KEY ?? '' };
}

function contractOf(url: string): string {
  return `${url}/openapi.json`;
}

/** Resolves to the reason why it can't be done here, or undefined when it is done. */
async function runLanguage(language: Language, target: Target): Promise<string | undefined> {
  const folder = join(PROJECT, 'clients', language);
  const contract = contractOf(target.url);
  const recipe = await RECIPES[language]({
    folder,
    contract,
    environment: process.env,
    say: report.say,
  });
  if (typeof recipe === 'string') return recipe;

  let output: readonly string[] = [];
  for (const [what, command] of recipe.steps) {
    await report.step(
      async () => {
        output = await run(`${language}: ${what}`, command, folder, {
          ...process.env,
          ...recipe.variables,
          ORCHESTRATOR_URL: target.url,
          ORCHESTRATOR_API_KEY: target.apiKey,
        });
      },
      () => `${language}: ${what}`,
    );
  }
  // Maven sets colours even where it prints none.
  const printed = output.map(stripVTControlCharacters).filter((line) => line.trim() !== '');
  for (const line of printed) report.say(line);
  if (JSON.stringify(printed) !== JSON.stringify(EXPECTED)) {
    throw new QuickstartError(
      `The program in ${language} should have printed:\n${EXPECTED.map((line) => `  | ${line}`).join('\n')}`,
    );
  }
  return undefined;
}

/** Resolves to what the command printed. Throws a QuickstartError with its last lines where it fails. */
async function run(
  name: string,
  [command, ...args]: Command,
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<readonly string[]> {
  const { code, output } = await runCommand({
    name,
    command,
    arguments: args,
    environment,
    folder,
  });
  if (code !== 0) throw new QuickstartError(`${name} failed.${tail(output)}`);
  return output;
}
