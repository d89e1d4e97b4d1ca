import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { QuickstartError } from './failure.js';
import { findPython, identifyPython } from './findPython.js';
import type { PythonProgram } from './findPython.js';
import { lockFolder } from './folderLock.js';
import { runCommand, tail } from './process.js';

export interface PythonOptions {
  /** Holds the code, its requirement files and, where it needs a newer Python than the rest, its pyproject.toml. */
  folder: string;
  /** Called with a line before each step that takes long. */
  say: (line: string) => void;
  /** The environment to find Python in (PATH, PYTHON) and to run pip with. */
  environment: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
}

/** A virtual environment with everything installed. */
export interface PythonEnvironment {
  /** Path of its Python. */
  python: string;
  /** Such as "3.12.4". */
  version: string;
  /** Path of a program that a package installed, such as "celery". */
  binary: (name: string) => string;
}

/**
 * Makes `.venv` in a folder with all that requirements-dev.txt asks for, or finds it made
 * for these very requirement files and this very Python. May run in several processes at once.
 * Throws a QuickstartError that names the way out when Python, its venv module or a package is
 * missing, or Python is too old for the folder, and the signal's reason when that is aborted; what is half made is then made anew next time.
 */
export async function preparePython(options: PythonOptions): Promise<PythonEnvironment> {
  const { folder, environment, signal } = options;
  if (process.platform === 'win32') {
    throw new QuickstartError('Celery workers need Linux or macOS; on Windows, run this in WSL.');
  }
  const base = await findPython(environment, signal);
  const tooOld = await reasonTooOld(folder, base.version);
  if (tooOld !== undefined) throw new QuickstartError(`${basename(folder)} ${tooOld}`);
  const environmentFolder = join(folder, '.venv');
  const stampFile = join(environmentFolder, 'installed');
  const prepared: PythonEnvironment = {
    python: join(environmentFolder, 'bin', 'python'),
    version: base.version,
    binary: (name) => join(environmentFolder, 'bin', name),
  };
  const stamp = await describeInstallation(folder, base.version);
  const isInstalled = async (): Promise<boolean> => {
    if ((await readFile(stampFile, 'utf8').catch(() => '')) !== stamp) return false;
    // The Python it was made with may have been upgraded or removed since.
    const python = await identifyPython(prepared.python, environment, signal);
    return python?.version === prepared.version;
  };
  if (await isInstalled()) return prepared;

  const release = await lockFolder({
    folder,
    python: base.path,
    environment,
    onWait: () => {
      options.say('Waiting for another process that makes the virtual environment');
    },
    deadlineMs: 15 * 60_000,
    signal,
  });
  try {
    if (await isInstalled()) return prepared;
    // First of all, so that a kill at any later moment leaves an environment that is known as half made.
    await rm(stampFile, { force: true });
    await makeEnvironment(base, environmentFolder, options);
    await installPackages(prepared, options);
    await writeFile(stampFile, stamp);
    return prepared;
  } finally {
    await release();
  }
}

/**
 * Why the Python of this version is too old for the `requires-python` of a folder's pyproject.toml, as the end of a
 * sentence; undefined where it isn't, or nothing is required.
 */
export async function reasonTooOld(folder: string, version: string): Promise<string | undefined> {
  const project = await readFile(join(folder, 'pyproject.toml'), 'utf8').catch(() => '');
  const minor = /^requires-python = ">=3\.(\d+)"$/m.exec(project)?.[1];
  return minor !== undefined && Number(version.split('.')[1]) < Number(minor)
    ? `needs Python 3.${minor} or newer, and this is ${version}: PYTHON=/path/to/python3`
    : undefined;
}

async function describeInstallation(folder: string, version: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => /^requirements.*\.txt$/.test(name));
  const hash = createHash('sha256');
  for (const name of names.sort()) {
    hash.update(`${name}\0`).update(await readFile(join(folder, name)));
  }
  return `Python ${version}, requirements ${hash.digest('hex')}\n`;
}

async function makeEnvironment(
  base: PythonProgram,
  environmentFolder: string,
  { say, folder, environment, signal }: PythonOptions,
): Promise<void> {
  say(`Making a virtual environment for Python ${base.version}`);
  const { code, output } = await runCommand(
    {
      name: 'venv',
      command: base.path,
      arguments: ['-m', 'venv', '--clear', environmentFolder],
      environment,
      folder,
    },
    signal,
  );
  if (code === 0) return;
  if (/ensurepip|No module named '?venv/.test(output.join('\n'))) {
    const minor = base.version.replace(/\.\d+$/, '');
    throw new QuickstartError(
      `Python ${base.version} comes without its venv module. ` +
        `On Debian and Ubuntu: sudo apt install python${minor}-venv`,
    );
  }
  throw new QuickstartError(`python -m venv failed.${tail(output)}`);
}

async function installPackages(
  prepared: PythonEnvironment,
  { say, folder, environment, signal }: PythonOptions,
): Promise<void> {
  say(`Installing the packages of ${basename(folder)}, which takes about a minute the first time`);
  const { code, output } = await runCommand(
    {
      name: 'pip',
      command: prepared.python,
      arguments: ['-m', 'pip', ...PIP_OPTIONS, 'install', ...ONLY_LOCKED, '-r', REQUIREMENTS],
      environment,
      folder,
    },
    signal,
  );
  if (code === 0) return;
  const advice = UNREACHABLE.test(output.join('\n'))
    ? "pip can't reach the package index. Check the network; behind a proxy or with an index of " +
      'your own, set HTTPS_PROXY or PIP_INDEX_URL.'
    : 'pip could not install the packages.';
  throw new QuickstartError(`${advice}${tail(output)}`);
}

const REQUIREMENTS = 'requirements-dev.txt';

/** Files of known hashes, none of which runs a build of its own when it is installed. */
const ONLY_LOCKED = ['--require-hashes', '--only-binary', ':all:'];

const PIP_OPTIONS = ['--quiet', '--no-input', '--disable-pip-version-check'];

const UNREACHABLE =
  /NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|Failed to establish|name resolution|nodename nor servname|Network is unreachable|Connection refused/i;
