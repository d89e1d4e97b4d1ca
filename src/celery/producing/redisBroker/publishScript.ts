import { refusal } from '../../../redis/failure.js';
import type { Outcome } from '../fate.js';

/** One message for a queue, as the script sees it: keys have their prefix already. */
export interface Publication {
  queue: string;
  /** The list that the message goes to. */
  list: string;
  /** All lists of its queue, one for each step of priority; none where its depth does not matter. */
  queueLists: readonly string[];
  message: string;
  /** What is published once the message is in its list; undefined for nothing. */
  event: string | undefined;
  /** Enqueues only if nobody has claimed `key` yet, and then keeps `value` there, in the same step. */
  claim: { key: string; value: string } | undefined;
}

/** What one run of the script enqueues. */
export interface Batch {
  publications: readonly Publication[];
  /** Whether it is all of them or none; the first one alone may have a claim, which stands for all. */
  isAtomic: boolean;
}

export interface BatchOptions {
  /** The key of the record of the last batch that this producer has sent. */
  record: string;
  channel: string;
  /** Messages that a queue may hold; Infinity for any number. */
  maximumDepth: number;
  claimSeconds: number;
}

/**
 * How long the record of a producer's last batch outlives it, in seconds: far longer than a batch that was
 * sent again can lie in the socket of a Redis that has been stopped.
 */
const RECORD_SECONDS = 86_400;

/** The keys and arguments of publish.lua. A message refers to its keys by their place. */
export function publishArguments(
  sequence: number,
  { publications, isAtomic }: Batch,
  options: BatchOptions,
): { keys: readonly string[]; values: readonly (string | number)[] } {
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
  const values: (string | number)[] = [
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
export function readPublishReply(
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
