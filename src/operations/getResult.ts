import type { ReadResult } from '../celery/results.js';
import { ResultUnavailable } from '../errors.js';
import type { Operation } from './operation.js';
import { taskResult } from './taskResult.js';

/** Reads how a task stands, or throws ResultUnavailable. */
export function createGetResult(dependencies: {
  readResult: ReadResult;
  exposesTracebacks: boolean;
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
    const body = taskResult(task_id, read.status, dependencies);
    return { status: 200, mediaType: 'application/json', body };
  };
}
