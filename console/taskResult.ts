import { at, parseJson, textOf } from './json.js';

/** How a task stands, as GET /result tells it. */
export interface TaskResult {
  /** The JSON that it was told in. */
  text: string;
  /** As the service has it, but `stopped` or `expired` for a task that Celery calls revoked. */
  status: string;
  /** A task that somebody stopped, or that was too late, has not failed. */
  isRevoked: boolean;
  isPending: boolean;
  isFinal: boolean;
  hasResult: boolean;
  progress: unknown;
  /** When the task has ended, in milliseconds since 1970. */
  endedAt: number | undefined;
  error: string;
  traceback: string;
}

/** Undefined for what is no result. */
export function readResult(text: string): TaskResult | undefined {
  const body = parseJson(text);
  const status = textOf(at(body, 'status'));
  if (status === '') {
    return undefined;
  }
  const error = textOf(at(body, 'error'));
  const isRevoked = textOf(at(body, 'state')) === 'REVOKED';
  const endedAt = Date.parse(textOf(at(body, 'date_done')));
  return {
    text,
    status: isRevoked ? revokedAs(error) : status,
    isRevoked,
    isPending: textOf(at(body, 'state')) === 'PENDING',
    isFinal: isFinal(body),
    hasResult: at(body, 'result') !== undefined,
    progress: at(body, 'progress'),
    endedAt: Number.isNaN(endedAt) ? undefined : endedAt,
    error,
    traceback: textOf(at(body, 'traceback')),
  };
}

/** `expired` is the text of Celery's `TaskRevokedError` for a task whose `expires` has passed (celery/worker/request.py). */
function revokedAs(error: string): string {
  return error === 'expired' ? 'expired' : 'stopped';
}

/** Celery's states that nothing follows (`celery.states.READY_STATES`). */
const FINAL_STATES = ['SUCCESS', 'FAILURE', 'REVOKED'];

/** Whether the body of a result tells of a task that has ended. */
export function isFinal(body: unknown): boolean {
  return FINAL_STATES.includes(textOf(at(body, 'state')));
}
