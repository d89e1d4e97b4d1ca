import { QuickstartError } from './failure.js';
import { findCommand } from './findCommand.js';
import { runCommand } from './process.js';

const CANDIDATES = [
  'python3',
  'python3.14',
  'python3.13',
  'python3.12',
  'python3.11',
  'python3.10',
  'python',
];
const OLDEST_MINOR = 10;
const INSTALL =
  'Install Python 3.10 or newer (https://www.python.org/downloads/), or point to one: ' +
  'PYTHON=/path/to/python3 npm run quickstart';

// Python 2 understands it too, so that it can be told that it is too old.
const IDENTIFY =
  'import sys; sys.stdout.write("Python %d.%d.%d " % sys.version_info[:3] + sys.executable)';

export interface PythonProgram {
  path: string;
  /** Such as "3.12.4". */
  version: string;
}

/**
 * Finds a Python that can run the workers: the one that the variable PYTHON names, or else the first
 * on PATH that is new enough.
 * Throws a QuickstartError that says what was found and what to install.
 */
export async function findPython(
  environment: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<PythonProgram> {
  const chosen = environment.PYTHON?.trim();
  const tooOld: string[] = [];
  for (const candidate of chosen ? [chosen] : CANDIDATES) {
    const path = candidate.includes('/') ? candidate : await findCommand(candidate, environment);
    const python = path && (await identifyPython(path, environment, signal));
    if (!python) continue;
    if (isNewEnough(python.version)) return python;
    tooOld.push(`${candidate} is Python ${python.version}`);
  }
  if (tooOld.length > 0) {
    throw new QuickstartError(`${tooOld.join(', ')}: too old for the workers. ${INSTALL}`);
  }
  if (chosen) throw new QuickstartError(`PYTHON='${chosen}' is not a Python that runs. ${INSTALL}`);
  throw new QuickstartError(`No Python found on PATH. ${INSTALL}`);
}

/** Runs the Python at `path` to learn its version; undefined if it doesn't run. */
export async function identifyPython(
  path: string,
  environment: NodeJS.ProcessEnv,
  signal?: AbortSignal,
): Promise<PythonProgram | undefined> {
  try {
    const { code, output } = await runCommand(
      { name: path, command: path, arguments: ['-c', IDENTIFY], environment, folder: '/' },
      signal,
    );
    const found = /^Python (\d+\.\d+\.\d+) (.+)$/m.exec(output.join('\n'));
    if (code !== 0 || !found?.[1] || !found[2]) return undefined;
    return { version: found[1], path: found[2] };
  } catch (error) {
    if (error instanceof QuickstartError) return undefined;
    throw error;
  }
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 3 || (major === 3 && minor >= OLDEST_MINOR);
}
