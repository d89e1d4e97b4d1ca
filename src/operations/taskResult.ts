import type { TaskStatus } from '../celery/results.js';
import type { components } from '../contract/openapi.js';
import { timestamp } from '../timestamp.js';

export type TaskResult = components['schemas']['TaskResult'];

/** What a client is told of a task. */
export function taskResult(
  taskId: string,
  status: TaskStatus,
  { exposesTracebacks }: { exposesTracebacks: boolean },
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

function outcomeOf(
  status: TaskStatus,
): Pick<TaskResult, 'status' | 'result' | 'error' | 'progress'> {
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
