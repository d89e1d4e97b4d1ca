import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { findCommand } from '../stack/findCommand.js';

/** From dist/bench/. */
const SOURCE = fileURLToPath(new URL('../../bench/peer-go/', import.meta.url));

/** Why a contender is left out. */
export class NotBuilt extends Error {
  override readonly name = 'NotBuilt';
}

/**
 * Builds the peer in Go into a folder. Resolves to its program.
 *
 * Rejects with NotBuilt where there is no Go, or its packages can't be had.
 */
export async function buildGoPeer(folder: string, environment: NodeJS.ProcessEnv): Promise<string> {
  const go = await findCommand('go', environment);
  if (go === undefined) {
    throw new NotBuilt('peer-go is left out: there is no go on PATH');
  }
  const program = join(folder, 'peer-go');
  try {
    await promisify(execFile)(go, ['build', '-o', program], { cwd: SOURCE, env: environment });
  } catch (error) {
    throw new NotBuilt(`peer-go is left out: ${(error as Error).message.trim()}`, { cause: error });
  }
  return program;
}
