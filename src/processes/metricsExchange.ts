import type { Worker } from 'node:cluster';
import { ClientVisibleError } from '../errors.js';
import type { MetricsExchange } from '../metrics/metrics.js';
import type { Snapshot } from '../metrics/snapshots.js';
import { isMessage, type Message } from './messages.js';

/** How long to wait for the primary, which waits up to a second for a busy worker. */
const PATIENCE_MS = 3_000;

/** The number of the first snapshot, which nobody asked for: it tells the primary that this worker has metrics. */
const UNASKED = 0;

/** The worker's end of the exchange of metrics. `gather` rejects with `metrics_unavailable` after PATIENCE_MS. */
export function createMetricsExchange(worker: Worker): MetricsExchange {
  const waiting = new Map<number, (snapshots: readonly Snapshot[]) => void>();
  let questions = 0;
  const tell = (message: Message): void => {
    worker.send(message, () => undefined);
  };
  worker.on('message', (message: unknown) => {
    if (isMessage(message, 'gathered')) {
      waiting.get(message.question)?.(message.snapshots);
    }
  });

  return {
    offer(snapshotOf) {
      const answer = async (question: number): Promise<void> => {
        tell({ orchestrator: 'snapshot', question, snapshot: await snapshotOf() });
      };
      worker.on('message', (message: unknown) => {
        if (isMessage(message, 'snapshotWanted')) {
          void answer(message.question);
        }
      });
      void answer(UNASKED);
    },
    gather() {
      questions += 1;
      const question = questions;
      return new Promise((resolve, reject) => {
        const overdue = setTimeout(() => {
          waiting.delete(question);
          const message = 'The metrics of the other processes did not come in time';
          reject(new ClientVisibleError('metrics_unavailable', message));
        }, PATIENCE_MS);
        waiting.set(question, (snapshots) => {
          clearTimeout(overdue);
          waiting.delete(question);
          resolve(snapshots);
        });
        tell({ orchestrator: 'gather', question });
      });
    },
  };
}
