import type { ReadResult, TaskStatus } from '../../celery/results/results.js';
import type { components } from '../../contract/openapi.js';
import { resultUnavailable } from '../../errors.js';
import { timestamp } from '../../timestamp.js';
import type { Operation } from '../operation.js';
import { taskResult } from './taskResult.js';

/**
 * Reads how tasks stand, each named once. What can't be read of one task is told in its place; throws
 * resultUnavailable where Redis does not answer.
 */
export function createGetResults(dependencies: {
  readResult: ReadResult;
  exposesTracebacks: boolean;
  /** In milliseconds. */
  timeout: number;
}): Operation<'getResults'> {
  const { readResult, exposesTracebacks, timeout } = dependencies;

  return async ({ query, annotate }) => {
    const ids = [...new Set(query.ids)];
    annotate({ tasks: ids.length });
    const deadline = performance.now() + timeout;
    const results: Entry[] = [];
    let room = MAXIMUM_LENGTH;
    for (let start = 0; start < ids.length; start += READ_AT_ONCE) {
      const some = ids.slice(start, start + READ_AT_ONCE);
      if (room <= 0) {
        results.push(...some.map((id) => unread(id, 'those before it fill the answer')));
        continue;
      }
      const reads = await Promise.all(
        some.map(async (id) => [id, await readResult(id, deadline - performance.now())] as const),
      );
      for (const [id, read] of reads) {
        if ('status' in read) {
          results.push(taskResult(id, read.status, exposesTracebacks));
          room -= lengthOf(read.status);
        } else if (read.isUnreadable) {
          results.push(unread(id, read.reason));
        } else {
          throw resultUnavailable('The results could not be retrieved', read);
        }
      }
    }
    const body = { results, timestamp: timestamp() };
    return { status: 200, mediaType: 'application/json', body };
  };
}

type Entry = components['schemas']['ListedTaskResult'];

/** Few enough for results of megabytes, and many enough to make up for the way to Redis. */
const READ_AT_ONCE = 50;
/** In bytes, or in characters where a text is at hand. */
const MAXIMUM_LENGTH = 16 * 1024 * 1024;

function unread(id: string, reason: string): Entry {
  return {
    task_id: id,
    status: 'error',
    message: `The result could not be retrieved: ${reason}`,
    timestamp: timestamp(),
  };
}

/** The length of the parts that may be long. */
function lengthOf(status: TaskStatus): number {
  const traceback = status.traceback?.length ?? 0;
  switch (status.kind) {
    case 'succeeded':
      return traceback + status.result.source.length;
    case 'failed':
      return traceback + status.error.length;
    case 'unfinished':
      return traceback + (status.meta?.source.length ?? 0);
  }
}
