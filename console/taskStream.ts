import { NotOffered, Refused, type Api } from './api.js';
import { createBackoff, pause } from './backoff.js';
import { readEvents } from './events.js';
import type { Keyring } from './key.js';

const STREAM = 'streamResult';

/** A stream begins with the present state. One that does not is held back, by a proxy, say. */
const FIRST_EVENT_MS = 5_000;

/** Heartbeats come more often than that. */
const SILENCE_MS = 60_000;

/** A stream that has lasted so long was well. */
const LASTING_MS = 5_000;

export function offersStreams(api: Api): boolean {
  return api.has(STREAM);
}

/**
 * Follows a task by streams of events, one after another, until the signal.
 *
 * @param tell gets the body of the task's result, as text
 * @returns false where streams are of no use here, true after the signal
 */
export async function followTask(
  api: Api,
  keyring: Keyring,
  taskId: string,
  signal: AbortSignal,
  { tell, failed }: { tell: (text: string) => void; failed: (message: string) => void },
): Promise<boolean> {
  const backoff = createBackoff();
  while (!signal.aborted) {
    const start = performance.now();
    let wait = 0;
    try {
      await keyring.given();
      if (!(await readStream(api, taskId, signal, tell))) {
        return false;
      }
    } catch (error) {
      if (error instanceof NotOffered) {
        return false;
      }
      if (error instanceof Refused) {
        wait = error.retryAfterMs;
        if (error.status !== 401) {
          failed(error.message);
        }
      }
      // Whatever else has cut it, the next try finds out.
    }
    if (performance.now() - start > LASTING_MS) {
      backoff.reset();
    }
    await pause(backoff.next(wait));
  }
  return true;
}

/** Gives false where nothing has come in the time that a first event takes. */
async function readStream(
  api: Api,
  taskId: string,
  signal: AbortSignal,
  tell: (text: string) => void,
): Promise<boolean> {
  const silence = new AbortController();
  const giveUp = (): void => {
    silence.abort();
  };
  let hasEvent = false;
  let timer = setTimeout(giveUp, FIRST_EVENT_MS);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(giveUp, hasEvent ? SILENCE_MS : FIRST_EVENT_MS);
  };
  try {
    const call = { path: { task_id: taskId } };
    const { body } = await api.open(STREAM, call, AbortSignal.any([signal, silence.signal]));
    heard();
    for await (const { type, data } of readEvents(body ?? new ReadableStream(), heard)) {
      hasEvent = true;
      if (type === 'message') {
        tell(data);
      }
    }
  } catch (error) {
    if (!silence.signal.aborted) {
      throw error;
    }
  } finally {
    clearTimeout(timer);
  }
  return hasEvent || !silence.signal.aborted;
}
