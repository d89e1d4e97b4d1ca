import { setTimeout as pause } from 'node:timers/promises';
import { isRefusal, type Connection } from './connection.js';
import {
  PUBLISH_SCRIPT,
  PUBLISH_SCRIPT_SHA1,
  publishArguments,
  readPublishReply,
  type BatchOptions,
  type Publication,
  type PublishResult,
} from './publishScript.js';
import { isPassing, refusalReason } from './refusal.js';

/**
 * What is known of a message: what became of it, or that it is in no list and never will be (`no`), or that
 * it was sent and never acknowledged, so that it may be in its list (`unknown`).
 */
export type PublishOutcome =
  | Exclude<PublishResult, { kind: 'refused' }>
  | { kind: 'failed'; queued: 'no' | 'unknown'; reason: string; cause?: unknown };

export interface PublisherOptions extends BatchOptions {
  /** How many replicas must have a message before it counts as queued. */
  replicas: number;
  /** Called before a batch is sent, on the connection that it is sent on. */
  beforeSending: (batch: readonly Publication[]) => void;
  /** Called with Redis's error text when it begins to refuse events. */
  onEventRefused: (error: string) => void;
}

/** Publishes a message, within `milliseconds` at most. Never rejects. */
export type Publish = (publication: Publication, milliseconds: number) => Promise<PublishOutcome>;

/** Small enough for Redis, which does nothing else meanwhile, and large enough to make up for the way there. */
const MAXIMUM_MESSAGES = 256;
const MAXIMUM_CHARACTERS = 1024 * 1024;

/** How long to wait for replicas before the batch is sent once more, which does nothing but ask again. */
const REPLICA_PATIENCE_MS = 200;

/** Between two attempts, where Redis has answered that it can't write now. */
const RETRY_PAUSE_MS = 20;

interface Entry {
  publication: Publication;
  deadline: number;
  /** Whether the message may be in its list. */
  wasSent: boolean;
  isSettled: boolean;
  settle: (outcome: PublishOutcome) => void;
}

/**
 * Returns the function that publishes each message exactly once. What comes in while a batch is under way
 * is the next batch: one at a time, so that a batch whose answer was lost with its connection can be sent
 * again as it was, under the same sequence number, which the script knows.
 */
export function createPublisher(broker: Connection, options: PublisherOptions): Publish {
  /** In the order of arrival. */
  const waiting = new Set<Entry>();
  let isRunning = false;
  let sequence = 0;
  let passingRefusal: Error | undefined;
  let eventsWereRefused = false;

  const giveUp = (entry: Entry): void => {
    waiting.delete(entry);
    entry.settle(
      entry.wasSent
        ? {
            kind: 'failed',
            queued: 'unknown',
            reason: 'the message broker did not acknowledge in time',
          }
        : { kind: 'failed', queued: 'no', ...whyNotSent() },
    );
  };

  const whyNotSent = (): { reason: string; cause?: unknown } => {
    if (passingRefusal !== undefined) {
      return { reason: refusalReason(passingRefusal.message), cause: passingRefusal };
    }
    return {
      reason: broker.isUsable()
        ? 'the message broker did not answer in time'
        : "the message broker can't be reached",
    };
  };

  const run = async (): Promise<void> => {
    while (waiting.size > 0) {
      sequence += 1;
      await deliver(takeBatch(waiting));
    }
    isRunning = false;
  };

  /** Sends a batch until Redis has answered, or nobody waits for it any longer. */
  const deliver = async (batch: readonly Entry[]): Promise<void> => {
    let mayHaveRun = false;
    for (;;) {
      const patience = Math.max(...batch.map(patienceOf)) - performance.now();
      if (patience <= 0 || !(await broker.untilReady(patience))) {
        return;
      }
      // A batch that may have run stays as it was. From any other, a message must go whose caller was
      // told that it never will be delivered.
      const entries = mayHaveRun ? batch : batch.filter(({ isSettled }) => !isSettled);
      if (entries.every(({ isSettled }) => isSettled)) {
        return;
      }
      for (const entry of entries) {
        entry.wasSent = true;
      }
      try {
        const results = await send(entries.map(({ publication }) => publication));
        passingRefusal = undefined;
        if (results !== undefined) {
          entries.forEach((entry, index) => {
            entry.settle(outcomeOf(results[index]));
          });
          return;
        }
        mayHaveRun = true;
      } catch (error) {
        if (!isRefusal(error)) {
          mayHaveRun = true;
        } else if (isPassing(error)) {
          passingRefusal = error;
          for (const entry of entries) {
            entry.wasSent = mayHaveRun;
          }
        } else {
          for (const entry of entries) {
            entry.settle(failure(error, mayHaveRun ? 'unknown' : 'no'));
          }
          return;
        }
        await pause(RETRY_PAUSE_MS);
      }
    }
  };

  /** Gives nothing where too few replicas have the batch. Rejects with Redis's refusal, or a lost connection. */
  const send = async (
    batch: readonly Publication[],
  ): Promise<readonly PublishResult[] | undefined> => {
    const { redis } = broker;
    const { stream } = redis;
    options.beforeSending(batch);
    const { keys, values } = publishArguments(sequence, batch, options);
    const reply = await redis
      .evalsha(PUBLISH_SCRIPT_SHA1, keys.length, ...keys, ...values)
      .catch((error: unknown) => {
        if (isRefusal(error) && error.message.startsWith('NOSCRIPT')) {
          return redis.eval(PUBLISH_SCRIPT, keys.length, ...keys, ...values);
        }
        throw error;
      });
    const { results, eventRefusal } = readPublishReply(String(reply), batch.length);
    if (eventRefusal !== undefined && !eventsWereRefused) {
      options.onEventRefused(eventRefusal);
    }
    eventsWereRefused = eventRefusal !== undefined;
    if (options.replicas === 0) {
      return results;
    }
    // Of another connection, WAIT would wait for nothing: it has written nothing yet.
    const isSame = redis.stream === stream && broker.isUsable();
    const reached = isSame ? await redis.wait(options.replicas, REPLICA_PATIENCE_MS) : 0;
    return reached >= options.replicas ? results : undefined;
  };

  return (publication, milliseconds) =>
    new Promise((resolve) => {
      const entry: Entry = {
        publication,
        deadline: performance.now() + milliseconds,
        wasSent: false,
        isSettled: false,
        settle(outcome) {
          if (!entry.isSettled) {
            entry.isSettled = true;
            clearTimeout(timer);
            resolve(outcome);
          }
        },
      };
      const timer = setTimeout(giveUp, Math.max(0, milliseconds), entry);
      waiting.add(entry);
      if (!isRunning) {
        isRunning = true;
        // What else this turn of the event loop brings goes into the same batch.
        setImmediate(() => void run());
      }
    });
}

function takeBatch(waiting: Set<Entry>): readonly Entry[] {
  const batch: Entry[] = [];
  let characters = 0;
  for (const entry of waiting) {
    characters += entry.publication.message.length;
    if (
      batch.length === MAXIMUM_MESSAGES ||
      (batch.length > 0 && characters > MAXIMUM_CHARACTERS)
    ) {
      break;
    }
    batch.push(entry);
    waiting.delete(entry);
  }
  return batch;
}

function patienceOf({ isSettled, deadline }: Entry): number {
  return isSettled ? 0 : deadline;
}

function outcomeOf(result: PublishResult | undefined): PublishOutcome {
  if (result === undefined) {
    throw new Error('The script of a batch did not tell of each message');
  }
  return result.kind === 'refused' ? failure(new Error(result.error), 'no') : result;
}

function failure(cause: Error, queued: 'no' | 'unknown'): PublishOutcome {
  return { kind: 'failed', queued, reason: refusalReason(cause.message), cause };
}
