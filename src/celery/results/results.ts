import type { JsonText } from '../../json/jsonText.js';
import { createAlarm } from '../../redis/deadlines.js';
import { isRefusal, type Connection } from '../../redis/connection.js';
import { isPassing, refusal, unanswered, type Failure } from '../../redis/failure.js';
import { exceptionText } from '../python/exceptionText.js';
import { createKeyReader } from '../../redis/commands.js';
import { untilAnswered } from '../../redis/untilAnswered.js';
import { readStoredResult, UnreadableResult, type StoredResult } from './storedResult.js';

/** How a task stands. */
export type TaskStatus = Pick<StoredResult, 'state' | 'dateDone' | 'traceback'> &
  (
    | { kind: 'succeeded'; result: JsonText }
    | { kind: 'failed'; error: string }
    | {
        kind: 'unfinished';
        meta: JsonText | undefined;
        /** JSON that Celery itself has stored with its own state: of STARTED, who runs the task. */
        detail?: JsonText;
      }
  );

/** A status, or why there is none. */
export type ReadOutcome = { status: TaskStatus } | ReadFailure;

/** Why there is no status: the stored result's fault where `isUnreadable`, and Redis's otherwise. */
export interface ReadFailure extends Failure {
  isUnreadable: boolean;
}

export type ReadResult = (taskId: string, milliseconds: number) => Promise<ReadOutcome>;

/**
 * Returns the function that reads a task's status within `milliseconds`. It never rejects.
 *
 * @param globalKeyPrefix Celery's `result_backend_transport_options['global_keyprefix']`; may be empty
 */
export function createResultReader(backend: Connection, globalKeyPrefix: string): ReadResult {
  return createMetaReader(backend, globalKeyPrefix, outcomeOf);
}

/**
 * Returns the function that reads what Redis holds under a task's key, within `milliseconds`. It never rejects.
 *
 * @param interpret makes the outcome of what was read, null where there is nothing
 */
export function createMetaReader<Outcome>(
  backend: Connection,
  globalKeyPrefix: string,
  interpret: (payload: Buffer | null) => Outcome | Promise<Outcome>,
): (taskId: string, milliseconds: number) => Promise<Outcome | ReadFailure> {
  const keyPrefix = keyPrefixOf(globalKeyPrefix);
  const readKey = createKeyReader(backend);
  const underWay: Read<Outcome>[] = [];

  const settle = (read: Read<Outcome>, outcome: Outcome | ReadFailure): void => {
    if (read.place === SETTLED) {
      return;
    }
    // The last one takes its place. From a Set, through which all reads would go, each of its outgrown tables
    // would stay linked to the next in V8's old generation, and keep what it held.
    const last = underWay.pop();
    if (last !== undefined && last !== read) {
      underWay[read.place] = last;
      last.place = read.place;
    }
    read.place = SETTLED;
    read.resolve(outcome);
  };

  const alarm = createAlarm(() => {
    const now = performance.now();
    for (const read of [...underWay]) {
      if (read.deadline <= now) {
        const { trouble } = read;
        const failure = isRefusal(trouble) ? refusal(trouble, SERVER) : unanswered(backend, SERVER);
        settle(read, { ...failure, isUnreadable: false });
      } else {
        alarm.ringAt(read.deadline);
      }
    }
  });

  const readAgain = async (read: Read<Outcome>): Promise<Buffer | null | undefined> => {
    const answer = await untilAnswered(
      backend,
      () => (read.place === SETTLED ? 0 : read.deadline),
      () => readKey(read.key),
      (error) => (read.trouble = error),
    );
    return answer?.value;
  };

  /** The first try goes past `untilAnswered`, which would cost each read a seventh more. */
  const payloadOf = (read: Read<Outcome>): Promise<Buffer | null | undefined> =>
    backend.isUsable()
      ? readKey(read.key).catch((error: unknown) => {
          if (isRefusal(error) && !isPassing(error)) {
            throw error;
          }
          read.trouble = error;
          return readAgain(read);
        })
      : readAgain(read);

  const attempt = async (read: Read<Outcome>): Promise<void> => {
    try {
      const payload = await payloadOf(read);
      if (payload !== undefined) {
        const outcome = interpret(payload);
        settle(read, outcome instanceof Promise ? await outcome : outcome);
      }
    } catch (cause) {
      settle(read, { ...refusal(cause as Error, SERVER), isUnreadable: false });
    }
  };

  return (taskId, milliseconds) =>
    new Promise((resolve) => {
      const deadline = performance.now() + milliseconds;
      const read = {
        key: `${keyPrefix}${taskId}`,
        deadline,
        resolve,
        trouble: undefined,
        place: underWay.length,
      };
      underWay.push(read);
      alarm.ringAt(deadline);
      void attempt(read);
    });
}

interface Read<Outcome> {
  key: string;
  deadline: number;
  resolve: (outcome: Outcome | ReadFailure) => void;
  /** Why it was sent again. */
  trouble: unknown;
  /** Its index among those under way. */
  place: number;
}

const SETTLED = -1;

/** In words for callers. */
const SERVER = 'the result backend';

/**
 * The prefix of each task's key, and of the channel on which its states are published: `task_keyprefix`
 * and `_add_global_keyprefix` of celery/backends/base.py, `RedisBackend._set` of celery/backends/redis.py.
 */
export function keyPrefixOf(globalKeyPrefix: string): string {
  const separator = globalKeyPrefix === '' || /[:_.-]$/.test(globalKeyPrefix) ? '' : '_';
  return `${globalKeyPrefix}${separator}celery-task-meta-`;
}

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
export function outcomeOf(payload: Buffer | null): ReadOutcome | Promise<ReadOutcome> {
  if (payload === null || payload.length === 0) {
    return PENDING;
  }
  try {
    const stored = readStoredResult(payload);
    return stored instanceof Promise
      ? stored.then(readOutcome).catch(unreadable)
      : readOutcome(stored);
  } catch (error) {
    return unreadable(error);
  }
}

function readOutcome(stored: StoredResult): ReadOutcome {
  return { status: statusOf(stored) };
}

function unreadable(error: unknown): ReadFailure {
  return error instanceof UnreadableResult
    ? { reason: error.message, cause: error.cause, isUnreadable: true }
    : { reason: 'the stored result could not be read', cause: error, isUnreadable: true };
}

const PENDING: ReadOutcome = {
  status: {
    kind: 'unfinished',
    state: 'PENDING',
    dateDone: undefined,
    traceback: undefined,
    meta: undefined,
  },
};

function statusOf({ state, dateDone, traceback, ...stored }: StoredResult): TaskStatus {
  const common = { state, dateDone, traceback };
  if (state === 'SUCCESS') {
    return { ...common, kind: 'succeeded', result: stored.plain() };
  }
  if (state === 'FAILURE' || state === 'REVOKED') {
    return { ...common, kind: 'failed', error: exceptionText(stored.exact()) };
  }
  const detail = stored.plain();
  return {
    ...common,
    kind: 'unfinished',
    meta: UNFINISHED_STATES.has(state) ? undefined : detail,
    detail,
  };
}
