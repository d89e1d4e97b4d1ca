import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const MEGABYTE = 1024 * 1024;

/** What a process uses at one moment, `at` in milliseconds of `performance.now()`. */
export interface Sample {
  at: number;
  /** Resident memory in megabytes. */
  memory: number;
  /** Open file descriptors; undefined where there is no /proc to count them in. */
  descriptors: number | undefined;
}

/** Looks at the process every `milliseconds`. Returns the function that ends it and gives what was seen. */
export function sampleProcess(pid: number, milliseconds: number): () => Promise<Sample[]> {
  const samples: Sample[] = [];
  let latest: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    latest = sample(pid).then((one) => samples.push(one));
  }, milliseconds);
  return async () => {
    clearInterval(timer);
    await latest;
    return samples;
  };
}

export function peakMemory(samples: readonly Sample[]): number {
  return Math.max(...samples.map(({ memory }) => memory));
}

/** How fast memory grows, by least squares, in megabytes a minute. */
export function memorySlope(samples: readonly Sample[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanAt = mean(samples.map(({ at }) => at));
  const meanMemory = mean(samples.map(({ memory }) => memory));
  const covariance = mean(samples.map(({ at, memory }) => (at - meanAt) * (memory - meanMemory)));
  const variance = mean(samples.map(({ at }) => (at - meanAt) ** 2));
  return (covariance / variance) * 60_000;
}

async function sample(pid: number): Promise<Sample> {
  const [memory, descriptors] = await Promise.all([residentBytes(pid), countDescriptors(pid)]);
  return { at: performance.now(), memory: memory / MEGABYTE, descriptors };
}

async function residentBytes(pid: number): Promise<number> {
  if (process.platform === 'linux') {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]);
  return Number(stdout) * 1024;
}

async function countDescriptors(pid: number): Promise<number | undefined> {
  return process.platform === 'linux' ? (await readdir(`/proc/${pid}/fd`)).length : undefined;
}
