import { within, type Connection } from './connection.js';
import { QUEUE_PRIORITIES, queueKey } from './redisKeys.js';

/** How many messages wait in the list of a queue for this step of priority. */
export interface ListDepth {
  queue: string;
  priority: number;
  depth: number;
}

/**
 * Returns the function that reads the depths of these queues within `milliseconds`. It never rejects: a list that
 * can't be read in time is left out.
 *
 * @param keyPrefix before every key (`global_keyprefix` of kombu's transport options); may be empty
 */
export function createListDepthReader(
  broker: Connection,
  { queues, keyPrefix }: { queues: readonly string[]; keyPrefix: string },
): (milliseconds: number) => Promise<readonly ListDepth[]> {
  const lists = queues.flatMap((queue) =>
    QUEUE_PRIORITIES.map((priority) => ({
      queue,
      priority,
      key: `${keyPrefix}${queueKey(queue, priority)}`,
    })),
  );

  return async (milliseconds) => {
    if (!broker.isUsable()) {
      return [];
    }
    // One by one, not as a transaction: a key of another type, say, must not hide the others.
    const answers = await within(
      milliseconds,
      Promise.allSettled(lists.map(({ key }) => broker.redis.llen(key))),
    );
    return lists.flatMap(({ queue, priority }, index) => {
      const answer = answers?.[index];
      return answer?.status === 'fulfilled' ? [{ queue, priority, depth: answer.value }] : [];
    });
  };
}
