import { ask, type Answer } from '../../redis/ask.js';
import { isRefusal, type Connection } from '../../redis/connection.js';
import { queueKey, type ListNaming } from '../wire/keys.js';
import { isPassing, refusal, type Failure } from '../../redis/failure.js';

/** How many messages wait in the list of a queue for this step of priority, or why Redis does not tell. */
export interface ListDepth {
  queue: string;
  priority: number;
  depth: number | Failure;
}

/** Counts the messages in all lists of these queues. Never rejects. */
export type ReadDepths = (queues: readonly string[]) => Promise<Answer<readonly ListDepth[]>>;

/**
 * Returns the function that counts the messages of queues, within `milliseconds`.
 *
 * @param options.keyPrefix before every key (`global_keyprefix` of kombu's transport options); may be empty
 */
export function createDepthReader(
  connection: () => Connection,
  options: ListNaming & { keyPrefix: string; milliseconds: number },
): ReadDepths {
  const { keyPrefix, milliseconds, prioritySteps } = options;
  return (queues) =>
    ask(connection(), milliseconds, (redis) =>
      Promise.all(
        queues.flatMap((queue) =>
          prioritySteps.map(async (priority) => ({
            queue,
            priority,
            depth: await redis
              .llen(`${keyPrefix}${queueKey(queue, priority, options)}`)
              .catch(refusalAlone),
          })),
        ),
      ),
    );
}

/** A refusal, such as for a key of another type, concerns one list; a lost connection concerns all. */
function refusalAlone(cause: unknown): Failure {
  if (isRefusal(cause) && !isPassing(cause)) {
    return refusal(cause);
  }
  throw cause;
}
