import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { eventually } from './eventually.js';
import { ask } from './faults/http.js';
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
