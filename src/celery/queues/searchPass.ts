import type { Redis } from 'ioredis';
import { ask } from '../../redis/ask.js';
import type { Connection } from '../../redis/connection.js';
import type { Failure } from '../../redis/failure.js';
import { loadScript, runScript, type Script } from '../../redis/commands.js';
import { fieldsOf, listOf } from '../wire/received.js';
import { queueKeys, UNACKNOWLEDGED, type ListNaming } from '../wire/keys.js';

/** The times of a task in its message, in ISO 8601. */
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
  unsearched: readonly UnsearchedQueue[];
}

/** A queue that holds more messages than are looked through. */
export interface UnsearchedQueue {
  queue: string;
  depth: number;
  /** How many were looked through. */
  searched: number;
}

export interface Findings {
  places: Map<string, { waiting: WaitingMessage } | { taken: TakenMessage }>;
  unsearched: UnsearchedQueue[];
  /** Why the search was not ended. */
  failure?: Failure;
}

/** Messages searched in each queue, and among the taken ones. The contract names the number too. */
const SEARCHED_MESSAGES = 10_000;

/** For one call, which Redis does nothing else during. Of taken messages no bytes can be counted in advance. */
const CALL_MESSAGES = 200;
const CALL_BYTES = 256 * 1024;
const CALL_TAKEN = 50;

/** The scripts of a search. */
export interface SearchScripts {
  list: Script;
  taken: Script;
}

export function loadSearchScripts(): SearchScripts {
  return {
    list: loadScript(import.meta.url, 'wantedId.lua', 'searchList.lua'),
    taken: loadScript(import.meta.url, 'wantedId.lua', 'searchTaken.lua'),
  };
}

/** Looks once for the messages of tasks. Never rejects. */
export async function searchMessages(
  connection: Connection,
  scripts: SearchScripts,
  options: ListNaming & {
    taskIds: readonly string[];
    queues: readonly string[];
    keyPrefix: string;
    milliseconds: number;
  },
): Promise<Findings> {
  const { taskIds, queues, keyPrefix, milliseconds, ...naming } = options;
  const run = runner(connection, performance.now() + milliseconds);
  const context = { wanted: new Set(taskIds), keyPrefix, naming, scripts, run };
  const findings: Findings = { places: new Map(), unsearched: [] };
  try {
    for (const queue of queues) {
      await searchQueue(queue, context, findings);
    }
    await searchTaken(context, findings);
    return findings;
  } catch (cause) {
    const failure =
      cause instanceof NoAnswer ? cause.answer : { reason: 'the search failed', cause };
    return { ...findings, failure };
  }
}

/** Ends a search. */
class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly answer: Failure;

  constructor(answer: Failure) {
    super(answer.reason);
    this.answer = answer;
  }
}

type Run = <Value>(command: (redis: Redis) => Promise<Value>) => Promise<Value>;

interface Context {
  /** Ids that are not found yet. */
  wanted: Set<string>;
  keyPrefix: string;
  naming: ListNaming;
  scripts: SearchScripts;
  run: Run;
}

/** Returns the function that has Redis run commands until the deadline. It throws NoAnswer. */
function runner(connection: Connection, deadline: number): Run {
  return async (command) => {
    const answer = await ask(connection, deadline - performance.now(), command);
    if ('reason' in answer) {
      throw new NoAnswer(answer);
    }
    return answer.value;
  };
}

async function searchQueue(
  queue: string,
  { wanted, keyPrefix, naming, scripts, run }: Context,
  { places, unsearched }: Findings,
): Promise<void> {
  const search = async (list: string, ...values: (string | number)[]) =>
    listOf(await run((redis) => runScript(redis, scripts.list, [list], values)));
  const lists = queueKeys(queue, naming).map((key) => `${keyPrefix}${key}`);
  const found: { taskId: string; times: MessageTimes; position: number }[] = [];
  let left = SEARCHED_MESSAGES;
  /** In the lists that are served before the one that is searched. */
  let before = 0;
  for (const list of lists) {
    let from = 0;
    let length = Infinity;
    while (from < length && left > 0 && wanted.size > 0) {
      const most = Math.min(left, CALL_MESSAGES);
      const answer = await search(list, from, most, CALL_BYTES, ...wanted);
      for (const { place, taskId, text } of hitsIn(answer[2])) {
        const times = timesOf(parse(text), taskId);
        if (times !== undefined && wanted.delete(taskId)) {
          found.push({ taskId, times, position: before + from + Number(place) });
        }
      }
      length = Number(answer[1]);
      from += Number(answer[0]);
      left -= Number(answer[0]);
    }
    before += Math.min(length, from);
  }
  if (found.length === 0 && left > 0) {
    return;
  }
  const lengths = lists.map((list) => search(list, 0, 0, 0));
  const depth = (await Promise.all(lengths)).reduce((sum, [, one]) => sum + Number(one), 0);
  for (const { taskId, times, position } of found) {
    places.set(taskId, { waiting: { queue, ...times, position, depth } });
  }
  if (left <= 0 && depth > SEARCHED_MESSAGES) {
    unsearched.push({ queue, depth, searched: SEARCHED_MESSAGES });
  }
}

async function searchTaken(
  { wanted, keyPrefix, scripts, run }: Context,
  { places }: Findings,
): Promise<void> {
  const key = `${keyPrefix}${UNACKNOWLEDGED.messages}`;
  let cursor = '0';
  let left = SEARCHED_MESSAGES;
  while (wanted.size > 0 && left > 0) {
    const values = [cursor, CALL_TAKEN, ...wanted];
    const part = await run((redis) => runScript(redis, scripts.taken, [key], values));
    const [next, looked, hits] = listOf(part);
    for (const { place, taskId, text } of hitsIn(hits)) {
      // The message, its exchange and its routing key (`QoS.append` of kombu/transport/redis.py).
      const [message, , queue] = listOf(parse(text));
      const times = timesOf(message, taskId);
      if (times === undefined) {
        continue;
      }
      const seconds = await run((redis) =>
        redis.zscore(`${keyPrefix}${UNACKNOWLEDGED.times}`, place),
      );
      const taken: TakenMessage = {
        ...times,
        queue: typeof queue === 'string' && queue !== '' ? queue : undefined,
        takenAt: seconds === null ? undefined : Number(seconds) * 1_000,
      };
      const other = places.get(taskId);
      // A task that is to be tried again has a new message before its old one is acknowledged.
      if (other === undefined || ('taken' in other && isLater(taken, other.taken))) {
        places.set(taskId, { taken });
      }
    }
    cursor = String(next);
    left -= Number(looked);
    if (cursor === '0') {
      return;
    }
  }
}

function isLater(one: TakenMessage, other: TakenMessage): boolean {
  return (one.takenAt ?? 0) > (other.takenAt ?? 0);
}

/** The reply of a script: place, id and message in turn. */
function hitsIn(value: unknown): { place: string; taskId: string; text: string }[] {
  const parts = listOf(value).map(String);
  return parts.flatMap((place, index) =>
    index % 3 === 0
      ? [{ place, taskId: parts[index + 1] ?? '', text: parts[index + 2] ?? '' }]
      : [],
  );
}

/** Undefined for the message of another task. */
function timesOf(message: unknown, taskId: string): MessageTimes | undefined {
  const { id, eta, expires } = fieldsOf(fieldsOf(message).headers);
  return id === taskId ? { eta: momentOf(eta), expires: momentOf(expires) } : undefined;
}

/** A time without an offset is UTC. */
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
