import type { ReadOutcome, ReadResult } from '../../celery/results/results.js';
import type { WatchTask } from '../../celery/results/stateChanges.js';
import type { Feed } from '../feed.js';
import type { Operation } from '../operation.js';
import { hasEnded, statusIn, taskResult, type TaskResult } from './taskResult.js';

/**
 * Reads how a task stands, or throws resultUnavailable. With `wait`, the body comes when the task has ended, or the
 * time is up.
 */
export function createGetResult(dependencies: {
  readResult: ReadResult;
  watch: WatchTask;
  exposesTracebacks: boolean;
  /** In milliseconds. */
  timeout: number;
}): Operation<'getResult'> {
  const { readResult, watch, exposesTracebacks, timeout } = dependencies;

  /** Gives the body when it is time, however often the task changes until then. */
  const awaitEnd =
    (taskId: string, milliseconds: number): Feed<TaskResult> =>
    (receiver) => {
      let isOver = false;
      const stop = (): void => {
        isOver = true;
        clearTimeout(timer);
        stopWatching();
      };
      const answer = (read: ReadOutcome): void => {
        let status;
        try {
          status = statusIn(taskId, read);
        } catch (error) {
          receiver.end(error);
          return;
        }
        receiver.next(taskResult(taskId, status, exposesTracebacks));
      };
      const giveNow = (): void => {
        if (!isOver) {
          stop();
          // Redis may have been away meanwhile: the answer is the one without `wait`.
          void readResult(taskId, timeout).then(answer);
        }
      };
      const stopWatching = watch(taskId, (read) => {
        if ('reason' in read || hasEnded(read.status)) {
          stop();
          answer(read);
        }
      });
      const timer = setTimeout(giveNow, milliseconds);
      return { stop, giveNow };
    };

  return async ({ pathParameters: { task_id }, query: { wait = 0 }, annotate }) => {
    annotate({ task_id });
    const status = statusIn(task_id, await readResult(task_id, timeout));
    return {
      status: 200,
      mediaType: 'application/json',
      body:
        wait > 0 && !hasEnded(status)
          ? awaitEnd(task_id, wait * 1_000)
          : taskResult(task_id, status, exposesTracebacks),
    };
  };
}
