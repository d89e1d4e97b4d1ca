import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { isRefusal, within, type Connection } from './connection.js';
import { refusal, type Failure } from './failure.js';

/** Before commands are sent again whose connection was cut. */
const RETRY_PAUSE_MS = 10;

export type Answer<Value> = { value: Value } | Failure;

/**
 * Has Redis run commands, within `milliseconds`. They are sent again where their connection was cut, and so
 * must bear that. Never rejects.
 */
export async function ask<Value>(
  connection: Connection,
  milliseconds: number,
  command: (redis: Redis) => Promise<Value>,
): Promise<Answer<Value>> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    const patience = deadline - performance.now();
    if (patience <= 0 || !(await connection.untilReady(patience))) {
      return { reason: reasonOf(connection) };
    }
    try {
      const answer = command(connection.redis).then((value) => ({ value }));
      return (
        (await within(deadline - performance.now(), answer)) ?? { reason: reasonOf(connection) }
      );
    } catch (cause) {
      if (isRefusal(cause)) {
        return refusal(cause);
      }
      await pause(RETRY_PAUSE_MS);
    }
  }
}

function reasonOf(connection: Connection): string {
  return connection.isUsable()
    ? 'the message broker did not answer in time'
    : "the message broker can't be reached";
}
