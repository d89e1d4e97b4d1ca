import type { ReadResult } from '../../celery/results/results.js';
import type { WatchTask } from '../../celery/results/stateChanges.js';
import type { Operation } from '../operation.js';
import { createTaskFeed } from './taskFeed.js';
import { statusIn, taskResult } from './taskResult.js';

/** Tells how a task stands, and each change, as bodies of `GET /result/{task_id}`. May throw resultUnavailable. */
export function createStreamResult(dependencies: {
  readResult: ReadResult;
  watch: WatchTask;
  exposesTracebacks: boolean;
  /** In milliseconds, of the first reading. */
  timeout: number;
}): Operation<'streamResult'> {
  const { readResult, watch, exposesTracebacks, timeout } = dependencies;

  return async ({ pathParameters: { task_id: taskId }, annotate }) => {
    annotate({ task_id: taskId });
    const first = statusIn(taskId, await readResult(taskId, timeout));
    return {
      status: 200,
      mediaType: 'text/event-stream',
      body: createTaskFeed(watch, { taskId, first }, (status) =>
        taskResult(taskId, status, exposesTracebacks),
      ),
    };
  };
}
