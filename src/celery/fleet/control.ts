import { v4 as uuid } from 'uuid';
import { setTimeout as pause } from 'node:timers/promises';
import { ask, type Answer } from '../../redis/ask.js';
import { loadScript, runScript } from '../../redis/commands.js';
import type { Connection } from '../../redis/connection.js';
import {
  controlChannel,
  controlMessage,
  controlReplyQueue,
  readControlReply,
  type ControlCommand,
} from '../wire/controlMessage.js';

/** The workers' replies to a command. */
export interface Replies {
  /** How many listened when it was sent: those that have not replied are busy, hang or are far away. */
  listeners: number;
  /** By the workers' hostnames. */
  byWorker: ReadonlyMap<string, unknown>;
}

/** Tells the workers once, and waits for the last of their replies, or a second. Never rejects. */
export type Broadcast = (
  method: string,
  values?: object,
  to?: {
    /** The workers that are to run it, by their hostnames. */
    destination: readonly string[];
    /** For a command that no worker replies to. */
    waits?: false;
  },
) => Promise<Answer<Replies>>;

export interface ControlOptions {
  /** `global_keyprefix` of the broker; may be empty. */
  keyPrefix: string;
  /** The broker's, by its number. */
  database: number;
  /** `sep` of the broker. */
  separator: string;
}

/** The `timeout` of `Control.broadcast` in celery/app/control.py. */
const PATIENCE_MS = 1_000;

/**
 * How long a list for replies lives that nobody takes away: a worker may be late, and this process may die.
 * As long as kombu's own (`REPLY_QUEUE_EXPIRES` of kombu/pidbox.py).
 */
const REPLIES_EXPIRE_MS = 10_000;

/** Workers reply within a few milliseconds; the longest pause is that of one that is busy. */
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 25;

/**
 * Returns the function that sends a command to the workers over Celery's remote control ("pidbox").
 *
 * Replies are read by asking again and again rather than by BRPOP: that would need one more connection for
 * itself, and a reply that was taken would be lost with a cut connection. A list is only read here, and each
 * command has one of its own, which expires: it holds the number of listeners before the first reply, by which
 * a command that is sent again after a cut is known, so that no worker runs it twice.
 */
export function createBroadcast(
  connection: () => Connection,
  { keyPrefix, database, separator }: ControlOptions,
): Broadcast {
  const channel = `${keyPrefix}${controlChannel(database)}`;
  const script = loadScript(import.meta.url, 'tellWorkers.lua');
  let clock = 0;

  return async (method, values = {}, to) => {
    const { destination, waits = true } = to ?? {};
    const id = uuid();
    const ticket = uuid();
    const queue = controlReplyQueue(id, { separator });
    const key = `${keyPrefix}${queue.key}`;
    const bindings = `${keyPrefix}${queue.bindings}`;
    const command: ControlCommand = { method, arguments: values, destination };
    const control = connection();

    clock += 1;
    const text = controlMessage(
      command,
      { ticket, id },
      {
        clock,
        expires: (Date.now() + PATIENCE_MS) / 1_000,
        deliveryTag: uuid(),
      },
    );
    const sent = await ask(control, PATIENCE_MS, (redis) =>
      runScript(redis, script, [key, bindings], [queue.member, REPLIES_EXPIRE_MS, channel, text]),
    );
    if ('reason' in sent) {
      // The connection may have been cut after the command.
      control.redis.srem(bindings, queue.member).catch(() => undefined);
      return sent;
    }
    const listeners = Number(sent.value);
    const expected = waits ? Math.min(listeners, destination?.length ?? Infinity) : 0;
    const { byWorker, count } = await collect(control, { key, ticket, expected });
    const end = control.redis.multi().srem(bindings, queue.member);
    // A late reply to a list that is gone would make one that never expires.
    (count >= expected ? end.del(key) : end).exec().catch(() => undefined);
    return { value: { listeners, byWorker } };
  };
}

/** The workers' replies to several commands. */
export interface RepliesToAll<Question extends string> {
  /** How many listened. One that has begun to between the commands is missing in some of the replies. */
  listeners: number;
  replies: Readonly<Record<Question, Replies>>;
}

/**
 * Sends several commands at once, each with its arguments: gives all replies, or the first failure. Never rejects.
 */
export async function askAll<Question extends string>(
  broadcast: Broadcast,
  questions: Readonly<Record<Question, object>>,
): Promise<Answer<RepliesToAll<Question>>> {
  const names = Object.keys(questions) as Question[];
  const answers = await Promise.all(names.map((name) => broadcast(name, questions[name])));
  const failed = answers.find((answer) => 'reason' in answer);
  if (failed !== undefined) {
    return failed;
  }
  const all = answers.flatMap((answer) => ('value' in answer ? [answer.value] : []));
  return {
    value: {
      listeners: Math.max(...all.map(({ listeners }) => listeners)),
      replies: Object.fromEntries(names.map((name, index) => [name, all[index]])) as Record<
        Question,
        Replies
      >,
    },
  };
}

/** Reads replies until as many workers have replied as are expected, or it is time to stop. */
async function collect(
  connection: Connection,
  { key, ticket, expected }: { key: string; ticket: string; expected: number },
): Promise<{ byWorker: ReadonlyMap<string, unknown>; count: number }> {
  const byWorker = new Map<string, unknown>();
  // Two workers may have one hostname, by mistake.
  let count = 0;
  const deadline = performance.now() + PATIENCE_MS;
  let seen = 0;
  let pauseMs = FIRST_PAUSE_MS;
  while (count < expected && performance.now() < deadline) {
    await pause(pauseMs);
    pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS);
    // The newest come first.
    const range = await ask(connection, deadline - performance.now(), (redis) =>
      redis.lrange(key, 0, -1 - seen),
    );
    for (const text of 'value' in range ? range.value : []) {
      seen += 1;
      const reply = readControlReply(text);
      if (reply?.ticket === ticket) {
        count += 1;
        byWorker.set(reply.hostname, reply.value);
      }
    }
  }
  return { byWorker, count };
}
