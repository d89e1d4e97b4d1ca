import type { Redis } from 'ioredis';
import type { Connection } from '../../../redis/connection.js';
import { loadScript, runScript } from '../../../redis/script.js';
import type { Outcome } from '../fate.js';
import {
  publishArguments,
  readPublishReply,
  type Batch,
  type BatchOptions,
  type Publication,
} from './publishScript.js';

export interface BatchSenderOptions extends BatchOptions {
  /** How many replicas must have a message before it counts as queued. */
  replicas: number;
  /** Called with a batch that Redis has taken. */
  onEnqueued: (batch: readonly Publication[]) => void;
  /** Called with Redis's error text when it begins to refuse events. */
  onEventRefused: (error: string) => void;
}

/** The server has the batch, and too few of its replicas. */
export class NotReplicated extends Error {
  override readonly name = 'NotReplicated';
}

/** How long to wait for replicas before the batch is sent once more, which does nothing but ask again. */
const REPLICA_PATIENCE_MS = 200;

/**
 * Returns the function that has Redis enqueue the batch of this number. It may be called again with the same
 * number and batch. Rejects with Redis's refusal (nothing is enqueued, unless an earlier call did it), with
 * NotReplicated, or with a lost connection, which tells nothing.
 */
export function createBatchSender(
  broker: Connection,
  options: BatchSenderOptions,
): (sequence: number, batch: Batch) => Promise<readonly Outcome[]> {
  const { redis } = broker;
  const script = loadScript(import.meta.url, 'publish.lua');
  let eventsWereRefused = false;

  /** Waits for the replicas of what was written on the connection `stream`. */
  const waitForReplicas = async (stream: Redis['stream']): Promise<void> => {
    // On another connection, which has written nothing yet, WAIT would wait for nothing.
    if (redis.stream !== stream || !broker.isUsable()) {
      throw new NotReplicated('the connection was lost');
    }
    const reached = await redis
      .wait(options.replicas, REPLICA_PATIENCE_MS)
      .catch((error: unknown) => {
        throw new NotReplicated(error instanceof Error ? error.message : String(error));
      });
    if (reached < options.replicas) {
      throw new NotReplicated(`${reached} of ${options.replicas} replicas have it`);
    }
  };

  return async (sequence, batch) => {
    const { stream } = redis;
    const { keys, values } = publishArguments(sequence, batch, options);
    const reply = await runScript(redis, script, keys, values);
    const { outcomes, eventRefusal } = readPublishReply(String(reply), batch.publications.length);
    options.onEnqueued(batch.publications);
    if (eventRefusal !== undefined && !eventsWereRefused) {
      options.onEventRefused(eventRefusal);
    }
    eventsWereRefused = eventRefusal !== undefined;
    if (options.replicas > 0) {
      await waitForReplicas(stream);
    }
    return outcomes;
  };
}
