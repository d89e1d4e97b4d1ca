import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { ask } from './http.js';

const PAUSE_MS = 50;

/** The program of the thread that `healthProbe.ts` starts. It runs until it is terminated. */
async function probe(url: string): Promise<never> {
  for (;;) {
    const start = performance.now();
    const problem = await ask({ url }).then(
      ({ status }) => (status === 200 ? undefined : `status ${status}`),
      (error: unknown) => String(error),
    );
    parentPort?.postMessage({ problem, took: performance.now() - start });
    await delay(PAUSE_MS);
  }
}

await probe(workerData as string);
