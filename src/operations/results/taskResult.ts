import type { ReadOutcome, TaskStatus } from '../../celery/results/results.js';
import type { components } from '../../contract/openapi.js';
import { resultUnavailable } from '../../errors.js';
import { timestamp } from '../../timestamp.js';

export type TaskResult = components['schemas']['TaskResult'];
export type Outcome = Pick<TaskResult, 'status' | 'result' | 'error' | 'progress'>;

/** Whether a task has ended. */
export function hasEnded({ kind }: TaskStatus): boolean {
  return kind !== 'unfinished';
}

/** The status that was read, or throws resultUnavailable. */
export function statusIn(taskId: string, read: ReadOutcome): TaskStatus {
  if ('reason' in read) {
    throw resultUnavailable('The result could not be retrieved', read, taskId);
  }
  return read.status;
}

/** The body of `GET /result/{task_id}`. */
export function taskResult(
  taskId: string,
  status: TaskStatus,
  exposesTracebacks: boolean,
): TaskResult {
  const { state, dateDone, traceback } = status;
  return {
    task_id: taskId,
    ...outcomeOf(status),
    timestamp: timestamp(),
    state,
    ...(dateDone !== undefined && { date_done: dateDone }),
    ...(exposesTracebacks && traceback !== undefined && { traceback }),
  };
}

export function outcomeOf(status: TaskStatus): Outcome {
  switch (status.kind) {
    case 'succeeded':
      return { status: 'completed', result: status.result };
    case 'failed':
      return { status: 'failed', error: status.error };
    case 'unfinished': {
      const progress = status.meta === undefined ? {} : { progress: status.meta };
      return { status: status.state.toLowerCase(), ...progress };
    }
  }
}
