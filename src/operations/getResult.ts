import type { ReadResult, TaskStatus } from '../celery/results.js';
import type { components } from '../contract/openapi.js';
import { ResultUnavailable } from '../errors.js';
import { timestamp } from '../timestamp.js';
import type { Operation } from './operation.js';

type Outcome = Pick<
  components['schemas']['TaskResult'],
  'status' | 'result' | 'error' | 'progress'
>;

/** Reads how a task stands, or throws ResultUnavailable. */
export function createGetResult(dependencies: {
  readResult: ReadResult;
  exposesTracebacks: boolean;
  /** In milliseconds. */
  timeout: number;
}): Operation<'getResult'> {
  const { readResult, exposesTracebacks, timeout } = dependencies;

  return async ({ pathParameters: { task_id }, annotate }) => {
    annotate({ task_id });
    const read = await readResult(task_id, timeout);
    if ('reason' in read) {
      throw new ResultUnavailable(task_id, read);
    }
    const { state, dateDone, traceback } = read.status;
    return {
      status: 200,
      mediaType: 'application/json',
      body: {
        task_id,
        ...outcomeOf(read.status),
        timestamp: timestamp(),
        state,
        ...(dateDone !== undefined && { date_done: dateDone }),
        ...(exposesTracebacks && traceback !== undefined && { traceback }),
      },
    };
  };
}

function outcomeOf(status: TaskStatus): Outcome {
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
