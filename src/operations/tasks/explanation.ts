import type {
  TakenMessage,
  UnsearchedQueue,
  WaitingMessage,
} from '../../celery/queues/searchPass.js';
import type { TaskStatus } from '../../celery/results/results.js';
import type { HeldTask } from '../../celery/fleet/taskQuery.js';
import type { components } from '../../contract/openapi.js';
import { counted } from './sentences.js';

export type Explanation = Omit<components['schemas']['TaskExplanation'], 'task_id'>;

/** A task that has ended; undefined for one that has not. */
export function explainFinal(status: TaskStatus): Explanation | undefined {
  const since = status.dateDone === undefined ? {} : { since: status.dateDone };
  if (status.kind === 'succeeded') {
    return { state: 'succeeded', reason: 'Has succeeded; its result is there', ...since };
  }
  if (status.kind === 'unfinished') {
    return undefined;
  }
  if (status.state !== 'REVOKED') {
    return { state: 'failed', reason: 'Has failed; its result says why', ...since };
  }
  // The error that Celery stores (`_announce_revoked` of celery/worker/request.py).
  switch (status.error) {
    case 'expired':
      return { state: 'expired', reason: 'Expired before its turn, so it was not run', ...since };
    case 'terminated':
      return { state: 'revoked', reason: 'Was revoked and ended while it ran', ...since };
    default:
      return { state: 'revoked', reason: 'Was revoked, so that it does not run', ...since };
  }
}

/** A task in its queue. */
export function explainWaiting(
  { queue, position, depth, eta, expires }: WaitingMessage,
  status: TaskStatus,
  consumers: number | undefined,
): Explanation {
  const fields = { queue, position, depth, ...(consumers !== undefined && { consumers }) };
  if (isPast(expires)) {
    const reason = `Expired at ${expires}; the worker that takes it out of ${queue} will drop it`;
    return { state: 'expired', reason, ...fields };
  }
  const place = position === 0 ? 'as the next one' : `behind ${counted(position, 'other')}`;
  const again = isUnstarted(status) ? '' : ', to be run again';
  const reason = `Waits in ${queue} ${place}${again}; ${consumersClause(consumers)}`;
  return { state: 'queued', reason, ...fields, ...(eta !== undefined && { eta }) };
}

/** A task that a worker says it has. */
export function explainHeld(
  { worker, state, startedAt, queue }: HeldTask,
  taken: TakenMessage | undefined,
  status: TaskStatus,
): Explanation {
  const from = queue ?? taken?.queue;
  const fields = { worker, ...(from !== undefined && { queue: from }) };
  if (state === 'active' || state === 'ready') {
    return { state: 'running', reason: `Runs on ${worker}`, ...fields, ...sinceOf(startedAt) };
  }
  const since = sinceOf(taken?.takenAt);
  const eta = taken?.eta;
  if (state === 'scheduled' || isFuture(eta)) {
    const when = eta === undefined ? '' : `, ${eta}`;
    const reason = `${worker} has taken it and waits ${patienceFor(status)}${when}`;
    return { state: 'scheduled', reason, ...fields, ...since, ...(eta !== undefined && { eta }) };
  }
  const reason = `${worker} has taken it and runs it when one of its processes is free`;
  return { state: 'reserved', reason, ...fields, ...since };
}

/** A task whose message some worker has taken, though none says that it has it. */
export function explainTaken(
  { queue, takenAt, eta }: TakenMessage,
  status: TaskStatus,
): Explanation {
  const worker = workerIn(status);
  const fields = {
    ...(queue !== undefined && { queue }),
    ...(worker !== undefined && { worker }),
    ...sinceOf(takenAt),
  };
  if (isFuture(eta)) {
    // Of a retry, workers forget when their first attempt is over: they know of one request for each id.
    const reason = `A worker has taken it and waits ${patienceFor(status)}, ${eta}`;
    return { state: 'scheduled', reason, ...fields, eta };
  }
  const whenLost =
    'if that worker is gone, it is delivered again after the visibility timeout of the queue';
  if (isUnstarted(status)) {
    const reason = `A worker that does not answer now has taken it; ${whenLost}`;
    return { state: 'reserved', reason, ...fields };
  }
  const reason = `Was started by ${worker ?? 'a worker'}, which does not answer now; ${whenLost}`;
  return { state: 'running', reason, ...fields };
}

/** A task that is found nowhere. */
export function explainAbsent(
  status: TaskStatus,
  unsearched: readonly UnsearchedQueue[],
): Explanation {
  const worker = workerIn(status);
  if (status.state === 'RETRY') {
    const reason = 'Was to be tried again, but neither a queue nor a worker that answers has it';
    return { state: 'unknown', reason, ...onlyOne(unsearched) };
  }
  if (!isUnstarted(status)) {
    const reason = `Says that it is ${status.state}, but no worker that answers has it: ${worker ?? 'its worker'} may be busy or gone`;
    return { state: 'running', reason, ...(worker !== undefined && { worker }) };
  }
  const [first] = unsearched;
  if (first !== undefined) {
    const where = unsearched.map(({ queue, depth }) => `${queue}, which holds ${depth}`);
    const reason = `Not among the first ${first.searched} messages of ${where.join(', nor of ')}; it may wait behind them, or never have been assigned`;
    return { state: 'unknown', reason, ...onlyOne(unsearched) };
  }
  const reason =
    'Neither a queue nor a worker that answers has it, and there is no result: it was never ' +
    'assigned, keeps no result, or its result has expired';
  return { state: 'unknown', reason };
}

/** For what a worker waits that has taken a task before its time. */
function patienceFor(status: TaskStatus): string {
  return isUnstarted(status) ? 'for its time' : 'to try it again';
}

/** The queue that was not searched to its end, where there is but one. */
function onlyOne([first, ...others]: readonly UnsearchedQueue[]): {
  queue?: string;
  depth?: number;
} {
  return first === undefined || others.length > 0 ? {} : { queue: first.queue, depth: first.depth };
}

function consumersClause(consumers: number | undefined): string {
  switch (consumers) {
    case undefined:
      return 'the workers do not say whether one consumes it';
    case 0:
      return 'no worker consumes it';
    case 1:
      return '1 worker consumes it';
    default:
      return `${consumers} workers consume it`;
  }
}

function isUnstarted({ state }: TaskStatus): boolean {
  return ['PENDING', 'RECEIVED'].includes(state);
}

/** The worker that has started it, as it has stored it. */
function workerIn(status: TaskStatus): string | undefined {
  if (status.kind !== 'unfinished' || status.state !== 'STARTED' || status.detail === undefined) {
    return undefined;
  }
  const detail: unknown = JSON.parse(status.detail.text);
  const { hostname } = (detail ?? {}) as { hostname?: unknown };
  return typeof hostname === 'string' ? hostname : undefined;
}

function sinceOf(milliseconds: number | undefined): { since?: string } {
  const date = new Date(milliseconds ?? NaN);
  return Number.isNaN(date.getTime()) ? {} : { since: date.toISOString() };
}

function isPast(moment: string | undefined): boolean {
  return moment !== undefined && Date.parse(moment) <= Date.now();
}

function isFuture(moment: string | undefined): moment is string {
  return moment !== undefined && Date.parse(moment) > Date.now();
}
