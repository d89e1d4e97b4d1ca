import { ask, type Answer, type Unanswered } from './asking.js';
import type { Connection } from './connection.js';
import { fieldsOf } from './controlMessage.js';
import { queueKey, SERVED_STEPS, UNACKNOWLEDGED } from './redisKeys.js';
import {
  CALL_BYTES,
  CALL_MESSAGES,
  CALL_TAKEN,
  READ_TIME,
  SEARCH_LIST,
  SEARCH_TAKEN,
} from './searchScripts.js';

/** What a message says of its task's times: texts in ISO 8601. */
interface MessageTimes {
  eta: string | undefined;
  expires: string | undefined;
}

/** A message in its queue, `position` of whose `depth` messages are served before it. */
export interface WaitingMessage extends MessageTimes {
  queue: string;
  position: number;
  depth: number;
}

/** A message that a worker has taken and not acknowledged. */
export interface TakenMessage extends MessageTimes {
  queue: string | undefined;
  /** When it was taken, in milliseconds since 1970. */
  takenAt: number | undefined;
}

/** Where a message is; neither, if it was not found; `unsearched` tells of queues that are too deep. */
export interface MessagePlace {
  waiting?: WaitingMessage;
  taken?: TakenMessage;
  unsearched: readonly { queue: string; depth: number }[];
}

/** Looks for the message of a task in these queues, and then among those that are taken. Never rejects. */
export type FindMessage = (
  taskId: string,
  queues: readonly string[],
) => Promise<Answer<MessagePlace>>;

export interface MessageSearchOptions {
  /** `global_keyprefix` of the broker; may be empty. */
  keyPrefix: string;
  /** For one search. */
  milliseconds: number;
}

/** Of each queue, and of what is taken. Whoever changes it changes the contract's words too. */
export const SEARCHED_MESSAGES = 10_000;

/**
 * Returns the function that looks for messages. One search at a time, so that many that are asked for at once
 * keep Redis from nothing else; the others wait, within their time.
 */
export function createMessageSearch(
  connection: () => Connection,
  { keyPrefix, milliseconds }: MessageSearchOptions,
): FindMessage {
  const underWay = new Map<string, Promise<Answer<MessagePlace>>>();
  let previous: Promise<unknown> = Promise.resolve();

  const search: FindMessage = async (taskId, queues) => {
    const deadline = performance.now() + milliseconds;
    await previous;
    if (performance.now() > deadline) {
      return { reason: 'too many tasks are looked for at once' };
    }
    const context = { taskId, keyPrefix, evaluate: evaluator(connection(), deadline) };
    const unsearched: { queue: string; depth: number }[] = [];
    try {
      for (const queue of queues) {
        const found = await searchQueue(queue, context);
        if (found !== undefined && 'position' in found) {
          return { value: { waiting: found, unsearched } };
        }
        if (found !== undefined) {
          unsearched.push(found);
        }
      }
      const taken = await searchTaken(context);
      return { value: { ...(taken && { taken }), unsearched } };
    } catch (error) {
      if (error instanceof NoAnswer) {
        return error.answer;
      }
      throw error;
    }
  };

  return (taskId, queues) => {
    const running = underWay.get(taskId);
    if (running !== undefined) {
      return running;
    }
    const found = search(taskId, queues).finally(() => underWay.delete(taskId));
    underWay.set(taskId, found);
    previous = found.catch(() => undefined);
    return found;
  };
}

/** Ends a search. */
class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly answer: Unanswered;

  constructor(answer: Unanswered) {
    super(answer.reason);
    this.answer = answer;
  }
}

type Evaluate = (script: string, key: string, ...values: (string | number)[]) => Promise<unknown[]>;

interface Context {
  taskId: string;
  keyPrefix: string;
  evaluate: Evaluate;
}

/** Returns the function that runs a script until the deadline. It throws NoAnswer. */
function evaluator(connection: Connection, deadline: number): Evaluate {
  return async (script, key, ...values) => {
    const answer = await ask(connection, deadline - performance.now(), (redis) =>
      redis.eval(script, 1, key, ...values),
    );
    if ('reason' in answer) {
      throw new NoAnswer(answer);
    }
    return answer.value as unknown[];
  };
}

/** The message where it waits in this queue, or the queue's depth where not all of it was looked through. */
async function searchQueue(
  queue: string,
  { taskId, keyPrefix, evaluate }: Context,
): Promise<WaitingMessage | { queue: string; depth: number } | undefined> {
  const lists = SERVED_STEPS.map((step) => `${keyPrefix}${queueKey(queue, step)}`);
  const depthFrom = async (start: number): Promise<number> => {
    const lengths = lists.slice(start).map((list) => evaluate(SEARCH_LIST, list, 0, 0, 0, '', ''));
    return (await Promise.all(lengths)).reduce((sum, [, length]) => sum + Number(length), 0);
  };
  let left = SEARCHED_MESSAGES;
  /** Of the lists that are served before the one that is searched. */
  let before = 0;
  for (const [index, list] of lists.entries()) {
    let from = 0;
    for (;;) {
      const most = Math.min(left, CALL_MESSAGES);
      const [passed, length, text] = await evaluate(
        SEARCH_LIST,
        list,
        from,
        most,
        CALL_BYTES,
        ...textsOf(taskId),
      );
      const times = text === undefined ? undefined : timesOf(parse(text), taskId);
      if (times !== undefined) {
        const depth = before + Number(length) + (await depthFrom(index + 1));
        return { queue, ...times, position: before + from + Number(passed), depth };
      }
      // What was found is another task's, which names this one.
      const looked = Number(passed) + (text === undefined ? 0 : 1);
      from += looked;
      left -= looked;
      if (from >= Number(length) || looked === 0) {
        before += Number(length);
        break;
      }
    }
    if (left <= 0) {
      const depth = await depthFrom(0);
      return depth > SEARCHED_MESSAGES ? { queue, depth } : undefined;
    }
  }
  return undefined;
}

async function searchTaken({
  taskId,
  keyPrefix,
  evaluate,
}: Context): Promise<TakenMessage | undefined> {
  let cursor = '0';
  let left = SEARCHED_MESSAGES;
  do {
    const [next, looked, tag, text] = await evaluate(
      SEARCH_TAKEN,
      `${keyPrefix}${UNACKNOWLEDGED.messages}`,
      cursor,
      CALL_TAKEN,
      ...textsOf(taskId),
    );
    // The message, its exchange and its routing key (`QoS.append` of kombu/transport/redis.py).
    const [message, , queue] = listOf(parse(text));
    const times = timesOf(message, taskId);
    if (times !== undefined) {
      const index = `${keyPrefix}${UNACKNOWLEDGED.times}`;
      const [seconds] = await evaluate(READ_TIME, index, String(tag));
      return {
        ...times,
        queue: typeof queue === 'string' && queue !== '' ? queue : undefined,
        takenAt: typeof seconds === 'string' ? Number(seconds) * 1_000 : undefined,
      };
    }
    cursor = String(next);
    left -= Number(looked);
  } while (cursor !== '0' && left > 0);
  return undefined;
}

/** How JavaScript and Python write it into a message's headers; its body is in base64. */
function textsOf(taskId: string): [string, string] {
  return [`"id":"${taskId}"`, `"id": "${taskId}"`];
}

/** Undefined for the message of another task. */
function timesOf(message: unknown, taskId: string): MessageTimes | undefined {
  const { id, eta, expires } = fieldsOf(fieldsOf(message).headers);
  return id === taskId ? { eta: momentOf(eta), expires: momentOf(expires) } : undefined;
}

/** What tells no offset is UTC. */
function momentOf(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value : '';
  const time = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

function parse(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return undefined;
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
