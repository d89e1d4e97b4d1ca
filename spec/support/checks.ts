import { preparePython, type PythonEnvironment } from '../../stack/python.js';
import { REPOSITORY } from './fleet.js';

/** The tools of spec/support/checks, in a virtual environment of their own. */
export function prepareChecks(): Promise<PythonEnvironment> {
  return preparePython({
    folder: `${REPOSITORY}spec/support/checks`,
    environment: process.env,
    say: (line) => {
      process.stdout.write(`    The checks: ${line}\n`);
    },
  });
}
