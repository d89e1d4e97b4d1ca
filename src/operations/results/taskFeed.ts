import { isDeepStrictEqual } from 'node:util';
import type { ReadOutcome, TaskStatus } from '../../celery/results/results.js';
import type { WatchTask } from '../../celery/results/stateChanges.js';
import type { Feed } from '../feed.js';
import { hasEnded, statusIn } from './taskResult.js';

/**
 * Feeds a client the status that has just been read, then each change, until the task has ended.
 * Fails with resultUnavailable where what a worker has stored can't be read.
 *
 * @param describe makes what is told
 */
export function createTaskFeed<Value>(
  watch: WatchTask,
  { taskId, first }: { taskId: string; first: TaskStatus },
  describe: (status: TaskStatus) => Value,
): Feed<Value> {
  return (receiver) => {
    let last = first;
    receiver.next(describe(first));
    if (hasEnded(first)) {
      receiver.end();
      return { stop: () => undefined };
    }
    const receive = (read: ReadOutcome): void => {
      let status;
      try {
        status = statusIn(taskId, read);
      } catch (error) {
        stop();
        receiver.end(error);
        return;
      }
      // What is read behind the subscription may be what was read before it.
      if (isDeepStrictEqual(status, last)) {
        return;
      }
      last = status;
      receiver.next(describe(status));
      if (hasEnded(status)) {
        stop();
        receiver.end();
      }
    };
    const stop = watch(taskId, receive);
    return { stop };
  };
}
