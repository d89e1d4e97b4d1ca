import type { ReadResult, TaskStatus } from '../celery/results.js';
import type { components } from '../contract/openapi.js';
import { ResultUnavailable } from '../errors.js';
import type { Operation } from './operation.js';

type Outcome = Omit<components['schemas']['TaskResult'], 'task_id' | 'timestamp'>;

/** Reads how a task stands, or throws ResultUnavailable. */
export function createGetResult(dependencies: {
  readResult: ReadResult;
  /** In milliseconds. */
  timeout: number;
}): Operation<'getResult'> {
  const { readResult, timeout } = dependencies;

  return async ({ pathParameters: { task_id }, annotate }) => {
    annotate({ task_id });
    const read = await readResult(task_id, timeout);
    if ('reason' in read) {
      throw new ResultUnavailable(task_id, read);
    }
    return {
      status: 200,
      mediaType: 'application/json',
      body: { task_id, ...outcomeOf(read.status), timestamp: new Date().toISOString() },
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
      const progress = 'meta' in status ? { progress: status.meta } : {};
      return { status: status.state.toLowerCase(), ...progress };
    }
  }
}
