import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '../fleet.js';

/** What the repository keeps in a folder: neither what is made here nor what is others'. */
export function filesOf(folder: string): string[] {
  return readdirSync(join(REPOSITORY, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!isKept(path)) return [];
    return entry.isDirectory() ? filesOf(path) : [path];
  });
}

const IGNORED = readFileSync(`${REPOSITORY}.gitignore`, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => line.replace(/\/$/, ''));

/** Whether .gitignore leaves a file or folder of the repository to be kept. */
export function isKept(path: string): boolean {
  const name = path.split('/').at(-1) ?? '';
  return (
    name !== '.git' && !IGNORED.some((line) => (line.includes('/') ? line === path : line === name))
  );
}
