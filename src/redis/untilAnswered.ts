import { setTimeout as pause } from 'node:timers/promises';
import { isRefusal, type Connection } from './connection.js';
import { isPassing } from './failure.js';

/** Before a command is sent again; longer and longer where Redis answers that it can't do it now. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/**
 * Runs commands until Redis answers: again where their connection was cut, so that they must bear to run twice, and
 * where the refusal is one that passes. Undefined where it was not answered in time. Rejects with a refusal
 * that stays.
 *
 * @param deadline as `performance.now()` counts; asked before each attempt
 * @param onFailure called before each other attempt
 */
export async function untilAnswered<Value>(
  connection: Connection,
  deadline: () => number,
  attempt: () => Promise<Value>,
  onFailure: (error: unknown) => void,
): Promise<{ value: Value } | undefined> {
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    const patience = deadline() - performance.now();
    if (patience <= 0 || !(connection.isUsable() || (await connection.untilReady(patience)))) {
      return undefined;
    }
    try {
      return { value: await attempt() };
    } catch (error) {
      if (isRefusal(error)) {
        if (!isPassing(error)) {
          throw error;
        }
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      }
      onFailure(error);
    }
    await pause(pauseMs);
  }
}
