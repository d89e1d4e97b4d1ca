import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { QuickstartError } from '../stack/failure.js';
import { connectionOptions } from '../src/redis/connection.js';
import { controlChannel, controlMessage } from '../src/celery/wire/controlMessage.js';
import { KOMBU_NAMING, queueKeys } from '../src/celery/wire/keys.js';
import type { RedisAddress } from '../src/redis/address.js';
import { keyPrefixOf } from '../src/celery/results/results.js';
import type { ListedMessage } from './messages.js';

/** What the Redis of a service holds. Nothing is ever taken out of a queue but what `remove` is given. */
export interface RedisView {
  /** Starts to watch for new messages. */
  mark: () => Promise<void>;
  /** Those that have come since, the oldest of a list first. */
  newMessages: () => Promise<ListedMessage[]>;
  /** Takes out these very messages. */
  remove: (messages: readonly ListedMessage[]) => Promise<void>;
  /** Stores what a worker would have stored of a task. It goes by itself after a minute. */
  store: (taskId: string, meta: string) => Promise<void>;
  close: () => void;
}

const CONNECT_PATIENCE_MS = 2_000;
const STORED_SECONDS = 60;

/** What there is to look at. */
interface Sight {
  queues: readonly string[];
  /** Before every key and channel: Celery's `global_keyprefix`, of its broker and its results; may be empty. */
  keyPrefix: string;
}

/**
 * Connects. Throws a QuickstartError where there is no Redis, or a worker listens to it: it would take the messages
 * before they are read, and run their tasks.
 *
 * @param option names it to people
 */
export async function openRedisView(
  address: RedisAddress,
  { queues, keyPrefix }: Sight,
  option: string,
): Promise<RedisView> {
  const redis = await connect(address, option);
  const keys = queues.flatMap((queue) => queueKeys(queue, KOMBU_NAMING));
  let lengths = new Map<string, number>();
  try {
    await assertNoWorker(redis, address, { keyPrefix, option });
  } catch (error) {
    redis.disconnect();
    throw error instanceof QuickstartError ? error : unusable(address, option, error);
  }

  return {
    async mark() {
      lengths = new Map();
      for (const key of keys) {
        lengths.set(key, await redis.llen(`${keyPrefix}${key}`));
      }
    },
    async newMessages() {
      const messages: ListedMessage[] = [];
      for (const key of keys) {
        const list = `${keyPrefix}${key}`;
        const added = (await redis.llen(list)) - (lengths.get(key) ?? 0);
        // The newest is the first: LRANGE key 0 -1 would be all of a long queue.
        const texts = added > 0 ? await redis.lrange(list, 0, added - 1) : [];
        messages.push(...texts.reverse().map((text) => ({ key, text })));
      }
      return messages;
    },
    async remove(messages) {
      for (const { key, text } of messages) {
        await redis.lrem(`${keyPrefix}${key}`, 1, text);
      }
    },
    async store(taskId, meta) {
      await redis.setex(`${keyPrefixOf(keyPrefix)}${taskId}`, STORED_SECONDS, meta);
    },
    close() {
      redis.disconnect();
    },
  };
}

async function connect(address: RedisAddress, option: string): Promise<Redis> {
  const redis = new Redis(address.url, {
    ...connectionOptions(address, {
      sentinel: { masterName: undefined, username: undefined, password: undefined },
      silenceMs: CONNECT_PATIENCE_MS,
    }),
    retryStrategy: () => null,
    lazyConnect: true,
  });
  // Without a listener, ioredis would print each failure itself; a command tells of it.
  let failure: Error | undefined;
  redis.on('error', (error: Error) => (failure ??= error));
  try {
    await redis.connect();
    await redis.ping();
    return redis;
  } catch (error) {
    redis.disconnect();
    throw unusable(address, option, failure ?? error);
  }
}

function unusable({ label }: RedisAddress, option: string, error: unknown): QuickstartError {
  const { message, code } = error as NodeJS.ErrnoException;
  return new QuickstartError(`${option} (${label}) can't be used: ${message || (code ?? '')}`);
}

/** A client's line in the answer to CLIENT LIST: `b` is among the flags of one that waits. */
const BLOCKED_BY_BRPOP = / flags=[A-Za-z]*b[A-Za-z]* .* cmd=brpop /;

/**
 * A worker subscribes to its remote control, unless that is switched off; and it waits for messages by BRPOP, unless
 * it is busy.
 */
async function assertNoWorker(
  redis: Redis,
  address: RedisAddress,
  { keyPrefix, option }: { keyPrefix: string; option: string },
): Promise<void> {
  const ping = controlMessage(
    { method: 'ping', arguments: {}, destination: ['nobody'] },
    { ticket: randomUUID(), id: randomUUID() },
    { clock: 0, expires: Date.now() / 1_000, deliveryTag: randomUUID() },
  );
  const listeners = await redis.publish(`${keyPrefix}${controlChannel(address.database)}`, ping);
  // A user may not be allowed to see the others.
  const clients = await redis.client('LIST').catch(() => '');
  const waiting = String(clients)
    .split('\n')
    .filter((line) => line.includes(` db=${address.database} `) && BLOCKED_BY_BRPOP.test(line));
  if (listeners + waiting.length > 0) {
    throw new QuickstartError(
      `A worker is connected to ${option} (${address.label}): it would take the messages before they can be ` +
        'compared, and run their tasks. Use a Redis, or a database of it, that no worker is connected to; or leave ' +
        `${option} out`,
    );
  }
}
