import type { ReadResult, TaskStatus } from '../../celery/results/results.js';
import type { WatchTask } from '../../celery/results/stateChanges.js';
import type { components } from '../../contract/openapi.js';
import { timestamp } from '../../timestamp.js';
import type { Operation } from '../operation.js';
import { createTaskFeed } from './taskFeed.js';
import { hasEnded, outcomeOf, statusIn } from './taskResult.js';

/** Tells how a task stands, and each change, as messages of a WebSocket. May throw resultUnavailable. */
export function createWatchTask(dependencies: {
  readResult: ReadResult;
  watch: WatchTask;
  /** In milliseconds, of the first reading. */
  timeout: number;
}): Operation<'watchTask'> {
  const { readResult, watch, timeout } = dependencies;

  return async ({ pathParameters: { task_id: taskId }, annotate }) => {
    annotate({ task_id: taskId });
    const first = statusIn(taskId, await readResult(taskId, timeout));
    return {
      status: 101,
      mediaType: 'application/json',
      body: createTaskFeed(watch, { taskId, first }, (status) => messageOf(taskId, status)),
    };
  };
}

function messageOf(taskId: string, status: TaskStatus): components['schemas']['TaskMessage'] {
  return {
    task_id: taskId,
    ...outcomeOf(status),
    timestamp: timestamp(),
    ...(hasEnded(status) && { final: true }),
  };
}
