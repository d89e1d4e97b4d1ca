import { within, type Connection } from './connection.js';
import { exceptionText } from './exceptionText.js';

/** How a task stands. `state` is Celery's own word (celery/states.py). */
export type TaskStatus =
  | { kind: 'succeeded'; state: string; result: unknown }
  | { kind: 'failed'; state: string; error: string }
  | { kind: 'unfinished'; state: string; meta?: unknown };

/** A status, or why there is none: `reason` for the caller, `cause` for the log. */
export type ReadOutcome = { status: TaskStatus } | { reason: string; cause?: unknown };

export type ReadResult = (taskId: string, milliseconds: number) => Promise<ReadOutcome>;

/** Returns the function that reads a task's status within `milliseconds`. It never rejects. */
export function createResultReader(backend: Connection): ReadResult {
  return async (taskId, milliseconds) => {
    const deadline = performance.now() + milliseconds;
    if (!(await backend.untilReady(milliseconds))) {
      return { reason: "the result backend can't be reached" };
    }
    const stored = backend.redis.get(`${KEY_PREFIX}${taskId}`).then(outcomeOf, outcomeOfFailure);
    const outcome = await within(deadline - performance.now(), stored);
    return outcome ?? { reason: 'the result backend did not answer in time' };
  };
}

/** `task_keyprefix` of celery/backends/base.py. */
const KEY_PREFIX = 'celery-task-meta-';

/** Celery's own states that are not final; any other is a state of the task's own, with its meta. */
const UNFINISHED_STATES = new Set([
  'PENDING',
  'RECEIVED',
  'STARTED',
  'RETRY',
  'REJECTED',
  'IGNORED',
]);

/** An absent or empty value reads as PENDING, as in `KeyValueStoreBackend._get_task_meta_for`. */
function outcomeOf(stored: string | null): ReadOutcome {
  if (stored === null || stored === '') {
    return { status: { kind: 'unfinished', state: 'PENDING' } };
  }
  let meta: unknown;
  try {
    meta = JSON.parse(stored);
  } catch (cause) {
    return { reason: 'the stored result is not JSON', cause };
  }
  if (typeof meta !== 'object' || meta === null || !('status' in meta)) {
    return { reason: "the stored result is not Celery's" };
  }
  if (typeof meta.status !== 'string') {
    return { reason: "the stored result is not Celery's" };
  }
  return { status: statusOf(meta.status, 'result' in meta ? meta.result : null) };
}

function outcomeOfFailure(cause: unknown): ReadOutcome {
  if (cause instanceof Error && cause.name === 'ReplyError') {
    return { reason: 'the result backend refused to answer', cause };
  }
  return { reason: 'the connection to the result backend was cut', cause };
}

function statusOf(state: string, result: unknown): TaskStatus {
  if (state === 'SUCCESS') {
    return { kind: 'succeeded', state, result };
  }
  if (state === 'FAILURE' || state === 'REVOKED') {
    return { kind: 'failed', state, error: exceptionText(result) };
  }
  if (UNFINISHED_STATES.has(state)) {
    return { kind: 'unfinished', state };
  }
  return { kind: 'unfinished', state, meta: result };
}
