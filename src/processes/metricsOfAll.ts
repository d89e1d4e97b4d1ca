import type { Worker } from 'node:cluster';
import { withDeparted, type Snapshot } from '../metrics/snapshots.js';
import { isMessage, type Message } from './messages.js';

/** Gathers in the primary what its workers have counted. */
export interface MetricsOfAll {
  /** Listens to a worker that has just been started. Returns what is to be called when it has ended. */
  add: (worker: Worker) => () => void;
}

/**
 * How long a worker may take to say what it has counted. What it has said last stands for one that is busy for
 * longer: a sum that falls and rises again would look like a burst.
 */
const PATIENCE_MS = 1_000;

export function createMetricsOfAll(): MetricsOfAll {
  const members = new Set<Member>();
  let departed: Promise<Snapshot> = Promise.resolve([]);
  let questions = 0;

  /** Resolves when each has answered, or its time is up. */
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
    // Read at one moment: a worker that ends while this waits would be missing, or counted twice.
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

/** A worker that has metrics. */
interface Member {
  worker: Worker;
  /** What it has said last. */
  latest: Snapshot;
  /** What to do when it answers, by question. */
  waiting: Map<number, () => void>;
}

/** To one that is gone nothing can be told: the callback keeps that from being an `error` event. */
function tell(worker: Worker, message: Message): void {
  worker.send(message, () => undefined);
}
