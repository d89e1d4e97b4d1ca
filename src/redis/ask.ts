import type { Redis } from 'ioredis';
import { isRefusal, within, type Connection } from './connection.js';
import { refusal, unanswered, type Failure } from './failure.js';
import { untilAnswered } from './untilAnswered.js';

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
  let last: unknown;
  const answer = untilAnswered(
    connection,
    () => deadline,
    () => command(connection.redis),
    (error) => (last = error),
  );
  try {
    return (
      (await within(milliseconds, answer)) ??
      (isRefusal(last) ? refusal(last) : unanswered(connection))
    );
  } catch (cause) {
    return refusal(cause as Error);
  }
}
