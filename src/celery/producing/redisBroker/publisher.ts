import { createAlarm } from '../../../redis/deadlines.js';
import { isRefusal, type Connection } from '../../../redis/connection.js';
import { refusal, unanswered, type Failure } from '../../../redis/failure.js';
import { untilAnswered } from '../../../redis/untilAnswered.js';
import type { Outcome } from '../fate.js';
import {
  createBatchSender,
  NotReplicated,
  type Batch,
  type BatchSenderOptions,
  type Publication,
} from './batchSender.js';

/*
 * Publishes each message exactly once, though connections break at any moment.
 *
 *                  takes up to 256                Redis has answered
 *   publish -> waiting ---------> batch under way ------------------> assigned, repeated, full, refused
 *                |                |      ^     |
 *                | deadline       |      |     | deadline of one message
 *                v                |      |     v
 *             refused             |      |   refused (never sent), or unknown (sent)
 *                                 v      |
 *                       connection cut, or a refusal that passes: sent again
 *
 * One batch at a time: what is published meanwhile is the next batch. A batch has a sequence number, which the
 * script keeps with its answer, so that a batch whose answer was lost is sent again under the same number and
 * runs once. Once it may have run, it stays as it was, though some of its callers have left. Until then, a message
 * is taken out whose caller was told that it never will be delivered.
 */

/** One message, or several that are queued all or not at all, with one outcome. */
type Written = readonly Publication[];

/**
 * Publishes a message, or several together, within `milliseconds` at most. Never rejects.
 *
 * @param write makes them when their batch goes out
 */
export type Publish = (write: () => Written, milliseconds: number) => Promise<Outcome>;

/** Small enough for Redis, which does nothing else meanwhile, and large enough to make up for the way there. */
const MAXIMUM_MESSAGES = 256;
const MAXIMUM_CHARACTERS = 1024 * 1024;

interface Entry {
  write: () => Written;
  written: Written | undefined;
  deadline: number;
  /** Whether the message may be in its list. */
  wasSent: boolean;
  isSettled: boolean;
  resolve: (outcome: Outcome) => void;
}

/** Returns the function that publishes each message exactly once. */
export function createPublisher(broker: Connection, options: BatchSenderOptions): Publish {
  /** In the order of arrival. */
  let waiting: Entry[] = [];
  let underWay: readonly Entry[] = [];
  let isRunning = false;
  let sequence = 0;
  /** Why Redis does not take the batch under way, if it says so. */
  let passingRefusal: Error | undefined;
  /** Why the batch under way, which Redis has taken, does not count as queued yet. */
  let replicaTrouble: NotReplicated | undefined;
  const sendBatch = createBatchSender(broker, options);

  const giveUp = (entry: Entry): void => {
    settle(
      entry,
      entry.wasSent
        ? { fate: 'unknown', ...whyNotAcknowledged() }
        : { fate: 'refused', ...whyNotSent() },
    );
  };

  const alarm = createAlarm(() => {
    const now = performance.now();
    for (const entry of [...underWay, ...waiting].filter(({ isSettled }) => !isSettled)) {
      if (entry.deadline <= now) {
        giveUp(entry);
      } else {
        alarm.ringAt(entry.deadline);
      }
    }
    waiting = waiting.filter(({ isSettled }) => !isSettled);
  });

  const whyNotAcknowledged = (): Failure =>
    replicaTrouble === undefined
      ? { reason: 'the message broker did not acknowledge in time' }
      : {
          reason: 'too few replicas of the message broker acknowledged in time',
          cause: replicaTrouble,
        };

  const whyNotSent = (): Failure =>
    passingRefusal === undefined ? unanswered(broker) : refusal(passingRefusal);

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      sequence += 1;
      passingRefusal = undefined;
      replicaTrouble = undefined;
      underWay = takeBatch(waiting);
      await deliver(underWay);
      // The deadline of these has passed.
      underWay.filter(({ isSettled }) => !isSettled).forEach(giveUp);
    }
    underWay = [];
    isRunning = false;
  };

  /** Sends a batch until Redis has answered, or nobody waits for it any longer. */
  const deliver = async (batch: readonly Entry[]): Promise<void> => {
    let entries = batch;
    const batchState = { mayHaveRun: false };

    const attempt = async (): Promise<void> => {
      if (!batchState.mayHaveRun) {
        entries = entries.filter(({ isSettled }) => !isSettled);
      }
      if (entries.every(({ isSettled }) => isSettled)) {
        return;
      }
      for (const entry of entries) {
        entry.wasSent = true;
      }
      const outcomes = await sendBatch(sequence, batchOf(entries));
      entries.forEach((entry, index) => {
        settle(entry, told(outcomes[index]));
      });
    };
    const takeNote = (error: unknown): void => {
      if (isRefusal(error)) {
        passingRefusal = error;
        for (const entry of entries) {
          entry.wasSent = batchState.mayHaveRun;
        }
      } else {
        batchState.mayHaveRun = true;
        passingRefusal = undefined;
        replicaTrouble = error instanceof NotReplicated ? error : undefined;
      }
    };
    const deadline = (): number => Math.max(...entries.map(patienceOf));

    try {
      await untilAnswered(broker, deadline, attempt, takeNote);
    } catch (error) {
      const fate = batchState.mayHaveRun ? 'unknown' : 'refused';
      for (const entry of entries) {
        settle(entry, { fate, ...refusal(error as Error) });
      }
    }
  };

  return (write, milliseconds) =>
    new Promise((resolve) => {
      const deadline = performance.now() + milliseconds;
      waiting.push({
        write,
        written: undefined,
        deadline,
        wasSent: false,
        isSettled: false,
        resolve,
      });
      alarm.ringAt(deadline);
      if (!isRunning) {
        isRunning = true;
        // Messages that are published at once go into the same batch.
        process.nextTick(() => void run());
      }
    });
}

function settle(entry: Entry, outcome: Outcome): void {
  entry.isSettled = true;
  entry.resolve(outcome);
}

/** Takes the first of those that wait, as many as go together. */
function takeBatch(waiting: Entry[]): readonly Entry[] {
  let count = 0;
  let characters = 0;
  for (const entry of waiting.slice(0, MAXIMUM_MESSAGES)) {
    const written = writtenOf(entry);
    if (written.length > 1) {
      // They go alone, in a batch of their own.
      count ||= 1;
      break;
    }
    characters += written[0]?.message.length ?? 0;
    if (count > 0 && characters > MAXIMUM_CHARACTERS) {
      break;
    }
    count += 1;
  }
  return waiting.splice(0, count);
}

function writtenOf(entry: Entry): Written {
  entry.written ??= entry.write();
  return entry.written;
}

/** Several messages that belong together are a batch's only entry. */
function batchOf(entries: readonly Entry[]): Batch {
  const publications = entries.flatMap(writtenOf);
  return { publications, isAtomic: publications.length > entries.length };
}

function patienceOf({ isSettled, deadline }: Entry): number {
  return isSettled ? 0 : deadline;
}

function told(outcome: Outcome | undefined): Outcome {
  if (outcome === undefined) {
    throw new Error('The script of a batch did not tell of each message');
  }
  return outcome;
}
