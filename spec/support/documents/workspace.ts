import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from '../fleet.js';
import { isKept } from './kept.js';

const run = promisify(execFile);

export interface Workspace {
  folder: string;
  remove: () => Promise<void>;
}

/**
 * Copies the repository into a temporary folder, as a reader has it after `npm ci`: commands may build,
 * install and write there. The packages of Node.js are hard links, as npm replaces files and never
 * writes into them; those of Python are copies, as venv and pip do write into them.
 */
export async function openWorkspace(): Promise<Workspace> {
  const folder = await mkdtemp(join(tmpdir(), 'documents-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await cp(REPOSITORY, folder, {
      recursive: true,
      filter: (path) => isKept(relative(REPOSITORY, path)),
    });
    const packages = join(REPOSITORY, 'node_modules');
    // Another file system takes no hard links.
    await run('cp', ['-RPl', packages, folder]).catch(() => run('cp', ['-R', packages, folder]));
    await run('cp', ['-R', join(REPOSITORY, 'workers-py', '.venv'), join(folder, 'workers-py')]);
  } catch (error) {
    await remove();
    throw error;
  }
  return { folder, remove };
}
