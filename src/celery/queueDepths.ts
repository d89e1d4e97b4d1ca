import { ask, type Answer } from './asking.js';
import type { Connection } from './connection.js';
import { queueKey } from './redisKeys.js';

/** How many messages wait in a queue. */
export interface QueueDepth {
  name: string;
  depth: number;
  /** By the steps of their priority, of which 0 is served first. */
  byPriority: { 0: number; 3: number; 6: number; 9: number };
}

export type ReadDepths = (names: readonly string[]) => Promise<Answer<readonly QueueDepth[]>>;

/** Returns the function that counts the messages of queues, within `milliseconds`. It never rejects. */
export function createDepthReader(
  connection: () => Connection,
  { keyPrefix, milliseconds }: { keyPrefix: string; milliseconds: number },
): ReadDepths {
  return (names) =>
    ask(connection(), milliseconds, (redis) =>
      Promise.all(
        names.map(async (name) => {
          const length = (step: number) => redis.llen(`${keyPrefix}${queueKey(name, step)}`);
          const [first, second, third, last] = await Promise.all([
            length(0),
            length(3),
            length(6),
            length(9),
          ]);
          const byPriority = { 0: first, 3: second, 6: third, 9: last };
          return { name, depth: first + second + third + last, byPriority };
        }),
      ),
    );
}
