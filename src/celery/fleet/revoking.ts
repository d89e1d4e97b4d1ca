import type { Answer } from '../../redis/ask.js';
import type { Broadcast } from './control.js';
import { fieldsOf } from '../wire/received.js';

/** How to end a task that runs; undefined to let it run. */
export type RevokeSignal = string | undefined;

/** The workers' replies to a revoke. */
export interface Revocation {
  /** How many listened, and how many of them have confirmed that they know of it. */
  listeners: number;
  confirmed: number;
  /** The workers that have it and end it, by their hostnames. */
  ending: readonly string[];
  /** Workers that could not end it, and Python's words for why. */
  unable: readonly { worker: string; error: string }[];
}

export type RevokeTask = (taskId: string, signal: RevokeSignal) => Promise<Answer<Revocation>>;

/** Returns the function that tells the workers of a task that is not to run. It never rejects. */
export function createRevoke(broadcast: Broadcast): RevokeTask {
  return async (taskId, signal) => {
    const answer = await broadcast('revoke', {
      task_id: taskId,
      terminate: signal !== undefined,
      // `TERM_SIGNAME` of billiard, which Celery's own producers send in any case.
      signal: signal ?? 'SIGTERM',
    });
    if ('reason' in answer) {
      return answer;
    }
    const { listeners, byWorker } = answer.value;
    const replies = [...byWorker].map(([worker, reply]) => ({ worker, ...fieldsOf(reply) }));
    return {
      value: {
        listeners,
        confirmed: replies.length,
        // `_revoke` of celery/worker/control.py.
        ending: replies
          .filter((reply) => 'ok' in reply && reply.ok === `terminate: ${taskId}`)
          .map(({ worker }) => worker),
        unable: replies.flatMap((reply) =>
          'error' in reply ? [{ worker: reply.worker, error: String(reply.error) }] : [],
        ),
      },
    };
  };
}
