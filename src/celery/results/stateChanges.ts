import { setImmediate as immediate } from 'node:timers/promises';
import { watchConnection, type Connection, type ConnectionEvents } from '../../redis/connection.js';
import { createMetaReader, keyPrefixOf, outcomeOf, type ReadOutcome } from './results.js';
import { createSubscriptions } from '../../redis/subscriptions.js';

/*
 * Hears of every state that workers store, as Celery's own `ResultConsumer` does (celery/backends/redis.py): a worker
 * stores a state under a key and publishes it on the channel of the same name.
 *
 *              first watcher of a task            confirmed               key read, or message
 *   no channel ----------------------> subscribing --------> subscribed ---------------------> watchers told
 *       ^                                   ^                    |  ^                               |
 *       | last watcher leaves               +- connection cut ---+  +--- another message -----------+
 *       +-- from anywhere
 *
 * One connection serves all watchers, and is made for the first of them. A channel is subscribed to before its key is
 * read, so that nothing slips between, and again after each cut. What is read is thrown away if a message has come
 * meanwhile, which is newer. A read that fails is tried again after RETRY_MS. A payload that is the same as the one
 * before it tells nobody anything; one that is new is told once to each watcher, in order.
 */

/**
 * Tells `receive` how the task stands, soon but not at once, and then each change of it, in order. While Redis is
 * away it tells nothing, and afterwards how the task stands then. A `reason` means that what a worker has stored
 * can't be read. Returns what ends it.
 */
export type WatchTask = (taskId: string, receive: (outcome: ReadOutcome) => void) => () => void;

export interface StateChanges {
  watch: WatchTask;
  /** Says goodbye to Redis, within `milliseconds`. */
  close: (milliseconds: number) => Promise<void>;
}

export interface StateChangesOptions {
  /** As for `createResultReader`. */
  globalKeyPrefix: string;
  /** How long one read may take, in milliseconds. */
  readMs: number;
  /** As in the settings of the result backend's connection. */
  silenceMs: number;
  events: ConnectionEvents & {
    /** Redis does not let this user listen. Told once. */
    refused: (reason: string) => void;
  };
}

export function createStateChanges(
  backend: Connection,
  { globalKeyPrefix, readMs, silenceMs, events }: StateChangesOptions,
): StateChanges {
  const prefix = keyPrefixOf(globalKeyPrefix);
  const readMeta = createMetaReader(backend, globalKeyPrefix, (payload) => ({ payload }));
  /** By channel. */
  const tasks = new Map<string, WatchedTask>();

  const lookAgain = async (task: WatchedTask): Promise<void> => {
    const { messages } = task;
    const read = await readMeta(task.id, readMs);
    // A message that came together with the answer may be the newer one.
    await immediate();
    if (task.watchers.size === 0 || task.messages !== messages) {
      return;
    }
    if ('reason' in read) {
      task.retry ??= setTimeout(() => {
        task.retry = undefined;
        void lookAgain(task);
      }, RETRY_MS).unref();
    } else {
      take(task, read.payload);
    }
  };

  const subscriptions = createSubscriptions(
    () => watchConnection(backend.redis.duplicate({ autoResubscribe: false }), events),
    {
      subscribed(channels) {
        for (const channel of channels) {
          const task = tasks.get(channel);
          if (task !== undefined) {
            task.isHeard = true;
            void lookAgain(task);
          }
        }
      },
      message(channel, payload) {
        const task = tasks.get(channel);
        if (task !== undefined) {
          task.messages += 1;
          take(task, payload);
        }
      },
      refused: events.refused,
    },
    silenceMs,
  );

  return {
    watch(taskId, receive) {
      const channel = `${prefix}${taskId}`;
      const task = tasks.get(channel) ?? newTask(taskId);
      const watcher: Watcher = { receive, told: undefined };
      task.watchers.add(watcher);
      if (task.isHeard) {
        void lookAgain(task);
      } else if (task.watchers.size === 1) {
        tasks.set(channel, task);
        subscriptions.add(channel);
      }
      return () => {
        if (task.watchers.delete(watcher) && task.watchers.size === 0) {
          clearTimeout(task.retry);
          tasks.delete(channel);
          subscriptions.remove(channel);
        }
      };
    },
    close: subscriptions.close,
  };
}

/** The pause after a read that Redis has not answered in time, or has refused. */
const RETRY_MS = 500;

interface WatchedTask {
  id: string;
  watchers: Set<Watcher>;
  /** Whether its channel has been subscribed to. */
  isHeard: boolean;
  /** How many messages have come: what was read before the last one is old. */
  messages: number;
  /** The status that Redis holds; undefined while it is not known. */
  payload: Buffer | null | undefined;
  outcome: ReadOutcome | undefined;
  /** To read a compressed payload takes a while, and the next one waits for it. */
  reading: Promise<void>;
  retry: NodeJS.Timeout | undefined;
}

interface Watcher {
  receive: (outcome: ReadOutcome) => void;
  told: ReadOutcome | undefined;
}

function newTask(id: string): WatchedTask {
  return {
    id,
    watchers: new Set(),
    isHeard: false,
    messages: 0,
    payload: undefined,
    outcome: undefined,
    reading: Promise.resolve(),
    retry: undefined,
  };
}

function take(task: WatchedTask, payload: Buffer | null): void {
  const isNew = task.payload === undefined || !isSame(task.payload, payload);
  task.payload = payload;
  task.reading = task.reading.then(async () => {
    if (isNew) {
      task.outcome = await outcomeOf(payload);
    }
    for (const watcher of task.watchers) {
      if (task.outcome !== undefined && watcher.told !== task.outcome) {
        watcher.told = task.outcome;
        watcher.receive(task.outcome);
      }
    }
  });
}

function isSame(one: Buffer | null, other: Buffer | null): boolean {
  return one === other || (one !== null && other !== null && one.equals(other));
}
