import { delimiter, dirname } from 'node:path';

import { findCommand } from '../stack/findCommand.js';
import { findPython } from '../stack/findPython.js';
import { preparePython, reasonTooOld } from '../stack/python.js';
import type { Language } from './options.js';

/** A command of the folder of a language's program. */
export type Command = readonly [command: string, ...args: string[]];

/** How a client is made in one language, and the program run with it. */
export interface Recipe {
  /** What the commands find in their environment besides. */
  variables?: NodeJS.ProcessEnv;
  /** What to do in turn, with a word for each. The last one runs the program, and prints nothing else. */
  steps: readonly (readonly [what: string, command: Command])[];
}

/** What a recipe is made of. */
export interface Kitchen {
  /** The folder with the language's program. */
  folder: string;
  /** The address of the contract, such as http://127.0.0.1:8000/openapi.json */
  contract: string;
  environment: NodeJS.ProcessEnv;
  say: (line: string) => void;
}

/** Resolves to a sentence instead where this machine has not got what the language needs. */
export const RECIPES: Readonly<Record<Language, (kitchen: Kitchen) => Promise<Recipe | string>>> = {
  typescript: ({ contract }) =>
    Promise.resolve({
      steps: [
        ['packages', ['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund']],
        ['client', ['npm', 'run', 'generate', '--', contract]],
        ['types', ['npm', 'run', 'build']],
        ['program', [process.execPath, 'dist/main.js']],
      ],
    }),

  async python({ folder, contract, environment, say }) {
    const { version } = await findPython(environment);
    const tooOld = await reasonTooOld(folder, version);
    if (tooOld !== undefined) return `it ${tooOld}`;
    const { python, binary } = await preparePython({ folder, environment, say });
    const generate = ['generate', '--url', contract, '--meta', 'none', '--overwrite'];
    const output = ['--output-path', 'celery_orchestrator_client', '--fail-on-warning'];
    return {
      // The generator has ruff put its code into form.
      variables: { PATH: [dirname(python), environment.PATH].join(delimiter) },
      steps: [
        ['client', [binary('openapi-python-client'), ...generate, ...output]],
        ['types', [binary('mypy')]],
        ['style', [binary('ruff'), 'check']],
        ['style', [binary('ruff'), 'format', '--check']],
        ['program', [python, 'main.py']],
      ],
    };
  },

  async java({ contract, environment }) {
    const missing: string[] = [];
    for (const command of ['javac', 'mvn']) {
      if ((await findCommand(command, environment)) === undefined) missing.push(command);
    }
    if (missing.length > 0) {
      return `there is no ${missing.join(' and no ')} on the PATH: install a JDK 17 and Maven`;
    }
    const maven = ['--batch-mode', '--quiet', `-Dcontract=${contract}`] as const;
    return {
      steps: [
        ['client and types', ['mvn', ...maven, 'compile']],
        ['program', ['mvn', '--batch-mode', '--quiet', 'exec:java']],
      ],
    };
  },
};
