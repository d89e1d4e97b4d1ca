import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits `milliseconds`.
 * Throws `signal`'s reason as soon as it is aborted.
 */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  try {
    await delay(milliseconds, undefined, signal ? { signal } : {});
  } finally {
    // The timer rejects with an AbortError of its own, which hides why the wait was given up.
    signal?.throwIfAborted();
  }
}

/** The HTTP status that a GET of `url` answers within two seconds, or undefined if none. */
export async function httpStatus(url: string): Promise<number | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await response.body?.cancel();
    return response.status;
  } catch {
    return undefined;
  }
}
