import { Refused, Unreachable, type Api } from './api.js';
import { at, listOf, textOf } from './json.js';

export interface Fault {
  pointer: string;
  message: string;
}

/** How an assignment went. */
export type Outcome =
  | { isAssigned: true; taskId: string; assignedAt: number }
  | { isAssigned: false; message: string; faults: readonly Fault[] };

/** Assigns tasks by the bodies of their requests. */
export type Assign = (body: string) => Promise<Outcome>;

/**
 * A body that is sent again after it got no answer, or none that says how it went, goes with the same
 * Idempotency-Key: the task is assigned once all the same.
 */
export function createAssign(api: Api): Assign {
  let open: { body: string; key: string } | undefined;
  return async (body) => {
    const key = open?.body === body ? open.key : randomKey();
    open = { body, key };
    try {
      const answer = await api.call('assignTask', { body, headers: { 'Idempotency-Key': key } });
      open = undefined;
      return {
        isAssigned: true,
        taskId: textOf(at(answer.body, 'task_id')),
        // By the service's clock, which is nearer to the workers' than that of the browser.
        assignedAt: Date.parse(textOf(at(answer.body, 'timestamp'))),
      };
    } catch (error) {
      return { isAssigned: false, ...failureOf(error) };
    }
  };
}

const SAFE = 'It may be queued all the same. To assign it again is safe: it is queued once.';

function failureOf(error: unknown): { message: string; faults: readonly Fault[] } {
  if (error instanceof Unreachable) {
    return { message: `The service can't be reached. ${SAFE}`, faults: [] };
  }
  if (!(error instanceof Refused)) {
    throw error;
  }
  const faults = listOf(at(error.body, 'details', 'errors')).map((one) => ({
    pointer: textOf(at(one, 'pointer')),
    message: textOf(at(one, 'message')),
  }));
  const isOpen = at(error.body, 'details', 'queued') === 'unknown';
  return { message: isOpen ? `${error.message}. ${SAFE}` : error.message, faults };
}

/** `crypto.randomUUID` is not there in a page that came over plain HTTP. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
