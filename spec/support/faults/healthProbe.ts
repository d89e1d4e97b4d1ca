import { Worker } from 'node:worker_threads';
import { eventually } from '../eventually.js';

/** What the answers of GET /health were; times in milliseconds. */
export interface HealthRecord {
  answers: number;
  slowest: number;
  /** What was no 200. */
  wrong: string[];
}

/**
 * Asks GET /health again and again, each time on a new connection as a load balancer does, in a thread of
 * its own: a flood keeps this one busy, and its own delays would be taken for the service's.
 */
export async function startHealthProbe(url: string): Promise<() => Promise<HealthRecord>> {
  const record: HealthRecord = { answers: 0, slowest: 0, wrong: [] };
  const thread = new Worker(new URL('./healthProbeThread.js', import.meta.url), {
    workerData: `${url}/health`,
  });
  thread.on('message', ({ problem, took }: { problem?: string; took: number }) => {
    record.answers += 1;
    record.slowest = Math.max(record.slowest, took);
    if (problem !== undefined) {
      record.wrong.push(problem);
    }
  });
  await eventually('the first answer', () => (record.answers > 0 ? true : undefined));
  return async () => {
    await thread.terminate();
    return record;
  };
}
