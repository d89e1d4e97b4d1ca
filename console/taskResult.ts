import { at, parseJson, textOf } from './json.js';

/** How a task stands, as GET /result tells it. */
export interface TaskResult {
  /** The JSON that it was told in. */
  text: string;
  status: string;
  isPending: boolean;
  isFinal: boolean;
  hasResult: boolean;
  progress: unknown;
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
  return {
    text,
    status,
    isPending: textOf(at(body, 'state')) === 'PENDING',
    isFinal: isFinal(body),
    hasResult: at(body, 'result') !== undefined,
    progress: at(body, 'progress'),
    error: textOf(at(body, 'error')),
    traceback: textOf(at(body, 'traceback')),
  };
}

/** Celery's states that nothing follows (`celery.states.READY_STATES`). */
const FINAL_STATES = ['SUCCESS', 'FAILURE', 'REVOKED'];

/** Whether the body of a result tells of a task that has ended. */
export function isFinal(body: unknown): boolean {
  return FINAL_STATES.includes(textOf(at(body, 'state')));
}
