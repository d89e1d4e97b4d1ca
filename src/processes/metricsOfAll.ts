import type { Worker } from 'node:cluster';
import { withDeparted, type Snapshot } from '../metrics/snapshots.js';
import { isMessage, type Message } from './messages.js';

/** The primary's end of the exchange of metrics: gathers the snapshots of all workers. */
export interface MetricsOfAll {
  /** Listens to a worker that has just started. Returns a function to call when the worker has ended. */
  add: (worker: Worker) => () => void;
}

/**
 * How long to wait for a worker's snapshot. A worker that is busy for longer counts with its last one: a sum that
 * falls and rises again would look like a burst.
 */
const PATIENCE_MS = 1_000;

export function createMetricsOfAll(): MetricsOfAll {
  const members = new Set<Member>();
  let departed: Promise<Snapshot> = Promise.resolve([]);
  let questions = 0;

  /** Resolves when each worker has answered or its time is up. */
  const askAll = async (): Promise<void> => {
    questions += 1;
    const question = questions;
    await Promise.all(
      [...members].map(
        (member) =>
          new Promise<void>((resolve) => {
            const finish = (): void => {
              clearTimeout(overdue);
              member.waiting.delete(question);
              resolve();
            };
            const overdue = setTimeout(finish, PATIENCE_MS);
            member.waiting.set(question, finish);
            tell(member.worker, { orchestrator: 'snapshotWanted', question });
          }),
      ),
    );
  };

  const answer = async (worker: Worker, question: number): Promise<void> => {
    await askAll();
    // Both are read before the await: a worker that ends meanwhile would be missing, or counted twice.
    const [ended, latest] = [departed, [...members].map((member) => member.latest)];
    tell(worker, { orchestrator: 'gathered', question, snapshots: [await ended, ...latest] });
  };

  return {
    add(worker) {
      let member: Member | undefined;
      worker.on('message', (message: unknown) => {
        if (isMessage(message, 'snapshot')) {
          if (member === undefined) {
            member = { worker, latest: [], waiting: new Map() };
            members.add(member);
          }
          member.latest = message.snapshot;
          member.waiting.get(message.question)?.();
        } else if (isMessage(message, 'gather')) {
          void answer(worker, message.question);
        }
      });
      return () => {
        if (member === undefined) {
          return;
        }
        members.delete(member);
        const { latest, waiting } = member;
        departed = departed.then((before) => withDeparted(before, latest));
        for (const finish of waiting.values()) {
          finish();
        }
      };
    },
  };
}

/** A worker that has offered its metrics. */
interface Member {
  worker: Worker;
  /** Its last snapshot. */
  latest: Snapshot;
  /** Called when it answers, by question. */
  waiting: Map<number, () => void>;
}

/** The callback keeps the failure of a send to an ended worker from becoming an `error` event. */
function tell(worker: Worker, message: Message): void {
  worker.send(message, () => undefined);
}
