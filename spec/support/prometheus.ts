import { execFile } from 'node:child_process';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from './fleet.js';

const run = promisify(execFile);

/** Prometheus and its tool for checks, as paths of programs. */
export interface Prometheus {
  prometheus: string;
  promtool: string;
}

/** Where Debian's package is unpacked to. */
const FOLDER = `${REPOSITORY}spec/support/prometheus/.debian`;

/**
 * The Prometheus on the PATH, or Debian's package, unpacked into the folder of this checkout without being
 * installed. Gives the reason in words where there is neither.
 */
export async function findPrometheus(): Promise<Prometheus | string> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), join(FOLDER, 'usr/bin')];
  const found = await programsIn(folders);
  if (found !== undefined) {
    return found;
  }
  const reason = await unpackDebianPackage().catch((error: unknown) =>
    error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error),
  );
  return (
    (await programsIn(folders)) ?? `no Prometheus on the PATH, nor from Debian: ${String(reason)}`
  );
}

async function programsIn(folders: readonly string[]): Promise<Prometheus | undefined> {
  for (const folder of folders) {
    const programs = {
      prometheus: join(folder, 'prometheus'),
      promtool: join(folder, 'promtool'),
    };
    const checks = Object.values(programs).map((program) => access(program));
    if ((await Promise.allSettled(checks)).every(({ status }) => status === 'fulfilled')) {
      return programs;
    }
  }
  return undefined;
}

/** All of it is there, or nothing. */
async function unpackDebianPackage(): Promise<void> {
  const half = `${FOLDER}-${process.pid}`;
  await mkdir(half, { recursive: true });
  try {
    await run('apt-get', ['download', 'prometheus'], { cwd: half, timeout: 60_000 });
    const unpack =
      'dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/prometheus ./usr/bin/promtool';
    await run('sh', ['-c', `${unpack} && rm prometheus_*.deb`], { cwd: half });
    await rename(half, FOLDER);
  } finally {
    await rm(half, { recursive: true, force: true });
  }
}
