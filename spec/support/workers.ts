import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { eventually } from './eventually.js';
import { ask } from './faults/http.js';
import { SERVICE_PROGRAM } from '../../stack/service.js';
import { REPOSITORY, theFleet } from './fleet.js';
import type { ServiceProcess } from './serviceProcess.js';

/** The ids of the processes that a service has started and that run. */
export async function workersOf({
  process: { pid },
}: {
  process: { pid: number };
}): Promise<number[]> {
  return (await runningProcesses()).filter(({ parent }) => parent === pid).map(({ id }) => id);
}

/** Waits until none of these processes runs. */
export async function untilGone(ids: readonly number[]): Promise<void> {
  await eventually(`processes ${ids.join(', ')} are gone`, async () => {
    const running = await runningProcesses();
    return running.some(({ id }) => ids.includes(id)) ? undefined : true;
  });
}

/** One that dies again and again is replaced after a pause, and a busy machine starts it slowly. */
const REPLACED_WITHIN_MS = 30_000;

/** Waits until a process that is none of these has answered a request; gives its id. */
export function untilNewWorker(service: ServiceProcess, known: readonly number[]): Promise<number> {
  return eventually(
    'a new process answers',
    async () => {
      // One that came to a process that ends has no answer.
      await ask({ url: `${service.url}/` }).catch(() => undefined);
      const requests = service.lines().filter(({ message }) => message === 'request');
      return requests.map(({ pid }) => pid as number).find((pid) => !known.includes(pid));
    },
    REPLACED_WITHIN_MS,
  );
}

/** A variable NODE_OPTIONS by which every process runs a module before its program. */
export function preload(module: string): string {
  return `--import=data:text/javascript,${encodeURIComponent(module)}`;
}

/** What has ended and whose end nobody has asked for yet does not run. */
async function runningProcesses(): Promise<{ id: number; parent: number }[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,stat=']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , state = '']) => !state.startsWith('Z'))
    .map(([id, parent]) => ({ id: Number(id), parent: Number(parent) }));
}

export const TWO = { WEB_CONCURRENCY: '2' };

export async function askOften(url: string, count: number): Promise<void> {
  for (let request = 0; request < count; request++) {
    assert.equal((await ask({ url: `${url}/` })).status, 200);
  }
}

export async function fileOf({ folder }: ServiceProcess): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(folder, 'logs/automation.log'), 'utf8');
  assert.ok(text.endsWith('\n'));
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Two processes of the service that nobody ends when their primary does, but after `use`. */
export async function withUnguarded(
  environment: Readonly<Record<string, string>>,
  use: (service: {
    primary: ChildProcessByStdio<null, Readable, null>;
    workers: readonly number[];
    url: string;
    file: string;
  }) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'unguarded-'));
  const file = join(folder, 'automation.log');
  const primary = spawn(process.execPath, [join(REPOSITORY, SERVICE_PROGRAM)], {
    cwd: folder,
    env: {
      ...{ PATH: process.env.PATH, REDIS_URL: theFleet().redis.url, LOG_FILE: file },
      ...{ FASTAPI_HOST: '127.0.0.1', FASTAPI_PORT: '0', ...TWO, ...environment },
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let workers: readonly number[] = [];
  try {
    let output = '';
    primary.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const port = await eventually('it listens', () => /"port":(\d+)/.exec(output)?.[1]);
    workers = await workersOf({ process: { pid: primary.pid ?? 0 } });
    await use({ primary, workers, url: `http://127.0.0.1:${port}`, file });
  } finally {
    primary.kill('SIGKILL');
    await untilGone(workers);
    await rm(folder, { recursive: true });
  }
}
