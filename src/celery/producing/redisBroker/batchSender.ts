import type { Redis } from 'ioredis';
import { loadScript, runScript, type ScriptValue } from '../../../redis/commands.js';
import type { Connection } from '../../../redis/connection.js';
import { refusal } from '../../../redis/failure.js';
import type { Outcome } from '../fate.js';

/** One message for a queue, as the script sees it: keys have their prefix already. */
export interface Publication {
  queue: string;
  /** The list that the message goes to. */
  list: string;
  /** All lists of its queue, one for each step of priority; none where its depth does not matter. */
  queueLists: readonly string[];
  message: string | Buffer;
  /** Published once the message is in its list; undefined for no event. */
  event: string | Buffer | undefined;
  /** Enqueues only if nobody has claimed `key` yet, and then keeps `value` there, in the same step. */
  claim: { key: string; value: string } | undefined;
}

/** The messages that one run of the script enqueues. */
export interface Batch {
  publications: readonly Publication[];
  /** Whether it is all of them or none; the first one alone may have a claim, which stands for all. */
  isAtomic: boolean;
}

export interface BatchSenderOptions {
  /** The key of the record of the last batch that this producer has sent. */
  record: string;
  channel: string;
  /** Messages that a queue may hold; Infinity for any number. */
  maximumDepth: number;
  claimSeconds: number;
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

/**
 * How long the record of a producer's last batch outlives it, in seconds: far longer than a batch that was
 * sent again can lie in the socket of a Redis that has been stopped.
 */
const RECORD_SECONDS = 86_400;

/** The keys and arguments of publish.lua. A message refers to its keys by their place. */
function publishArguments(
  sequence: number,
  { publications, isAtomic }: Batch,
  options: BatchSenderOptions,
): { keys: readonly string[]; values: readonly ScriptValue[] } {
  const keys = [options.record];
  const places = new Map<string, number>();
  const placesOfQueues = new Map<string, number>();
  /** Adds these keys, side by side, unless they are there; gives the place of the first. */
  const placeOf = (known: Map<string, number>, name: string, added: readonly string[]): number => {
    let place = known.get(name);
    if (place === undefined) {
      place = keys.push(...added) - added.length + 1;
      known.set(name, place);
    }
    return place;
  };
  const values: ScriptValue[] = [
    sequence,
    RECORD_SECONDS,
    options.channel,
    options.maximumDepth === Infinity ? 0 : options.maximumDepth,
    options.claimSeconds,
    isAtomic ? 1 : 0,
  ];
  for (const { queue, list, queueLists, message, event, claim } of publications) {
    values.push(
      placeOf(places, list, [list]),
      queueLists.length > 0 ? placeOf(placesOfQueues, queue, queueLists) : 0,
      claim === undefined ? 0 : placeOf(places, claim.key, [claim.key]),
      claim?.value ?? '',
      message,
      event ?? '',
    );
  }
  return { keys, values };
}

/** Reads what publish.lua has answered for a batch of so many messages. */
function readPublishReply(
  reply: string,
  count: number,
): { outcomes: readonly Outcome[]; eventRefusal: string | undefined } {
  if (reply === '') {
    return { outcomes: Array<Outcome>(count).fill(ASSIGNED), eventRefusal: undefined };
  }
  const { others, eventRefusal } = JSON.parse(reply) as Reply;
  return {
    outcomes: Array.from({ length: count }, (_, index) => outcomeOf(others[String(index)])),
    eventRefusal,
  };
}

const ASSIGNED: Outcome = { fate: 'assigned' };

interface Reply {
  others: Readonly<Record<string, Other>>;
  eventRefusal?: string;
}

/** The fate of a message that is not assigned; `error` is Redis's text. */
type Other =
  { fate: 'repeated'; value: string } | { fate: 'full' } | { fate: 'refused'; error: string };

function outcomeOf(other: Other | undefined): Outcome {
  if (other === undefined) {
    return ASSIGNED;
  }
  return other.fate === 'refused' ? { fate: 'refused', ...refusal(new Error(other.error)) } : other;
}
