import { createClient } from 'celery-node';
import type { Redis, RedisOptions } from 'ioredis';
import type { RedisAddress } from './redisUrl.js';

/** What an operator wants to know of a connection; called once per change, not once per attempt. */
export interface ConnectionEvents {
  connected: (role: ConnectionRole) => void;
  disconnected: (role: ConnectionRole, reason: string) => void;
}

export type ConnectionRole = 'broker' | 'backend';

export interface Connections {
  client: ReturnType<typeof createClient>;
  broker: Redis;
  backend: Redis;
  /** Waits until both connections are ready, `milliseconds` at most; says whether they are. */
  ready(milliseconds: number): Promise<boolean>;
  /** Whether both connections answer a PING within `milliseconds`. Never rejects. */
  ping(milliseconds: number): Promise<boolean>;
  /** Sends what is under way and closes both connections, `milliseconds` at most. */
  close(milliseconds: number): Promise<void>;
}

/**
 * Lets celery-node open its connections to the message broker and to the result backend.
 *
 * A command is sent once or not at all: it is neither kept for a later connection (a refused task
 * must not appear minutes later) nor sent again after a cut (its first sending may have run).
 */
export function openConnections(
  addresses: { broker: RedisAddress; backend: RedisAddress },
  events: ConnectionEvents,
): Connections {
  const client = createClient(addresses.broker.url, addresses.backend.url);
  client.conf.CELERY_BROKER_OPTIONS = redisOptions(addresses.broker);
  client.conf.CELERY_BACKEND_OPTIONS = redisOptions(addresses.backend);
  const broker = redisOf(client.broker);
  const backend = redisOf(client.backend);
  watch(broker, 'broker', events);
  watch(backend, 'backend', events);
  const both = [broker, backend];

  return {
    client,
    broker,
    backend,
    async ready(milliseconds) {
      const answers = await Promise.all(both.map((redis) => untilReady(redis, milliseconds)));
      return answers.every(Boolean);
    },
    async ping(milliseconds) {
      const answers = await Promise.all(both.map((redis) => answersPing(redis, milliseconds)));
      return answers.every(Boolean);
    },
    async close(milliseconds) {
      await Promise.all(both.map((redis) => quit(redis, milliseconds)));
    },
  };
}

/** Waits for a usable connection, `milliseconds` at most; says whether there is one. */
export async function untilReady(redis: Redis, milliseconds: number): Promise<boolean> {
  if (redis.status === 'ready') {
    return true;
  }
  return new Promise((resolve) => {
    const finish = (answer: boolean) => {
      clearTimeout(timer);
      redis.off('ready', onReady);
      resolve(answer);
    };
    const onReady = () => {
      finish(true);
    };
    const timer = setTimeout(finish, Math.max(0, milliseconds), false);
    redis.on('ready', onReady);
  });
}

/** The value `promise` gives within `milliseconds`, or `undefined`. A later rejection is ignored. */
export async function within<Value>(
  milliseconds: number,
  promise: Promise<Value>,
): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, milliseconds), undefined);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function redisOptions({ options }: RedisAddress): RedisOptions {
  return {
    ...options,
    // RESP2 is understood by every Redis that Celery supports.
    protocol: 2,
    disableClientInfo: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // With 0, a command whose connection is cut is rejected at once; ioredis would forget it otherwise.
    maxRetriesPerRequest: 0,
    connectTimeout: 5_000,
    // A peer that vanished without closing its connection (a cut cable, a lost NAT entry) is noticed
    // by its silence; the kernel alone would take a quarter of an hour.
    socketTimeout: 5_000,
    retryStrategy: (attempt) => Math.min(50 * attempt, 1_000),
  };
}

/** celery-node keeps its ioredis client in the public field `redis`, which its types leave out. */
function redisOf(owner: unknown): Redis {
  return (owner as { redis: Redis }).redis;
}

/** The error listener is required: without one, ioredis prints each failed attempt itself. */
function watch(redis: Redis, role: ConnectionRole, events: ConnectionEvents): void {
  let reason = 'connection closed';
  let reported: 'connected' | 'disconnected' | undefined;
  // Each request that waits for the connection listens to it: see untilReady.
  redis.setMaxListeners(0);
  redis.on('error', (error: Error) => {
    reason = reasonOf(error);
  });
  redis.on('ready', () => {
    reported = 'connected';
    events.connected(role);
  });
  redis.on('close', () => {
    // ioredis is "end" rather than "reconnecting" after a close of our own.
    if (reported !== 'disconnected' && redis.status !== 'end') {
      reported = 'disconnected';
      events.disconnected(role, reason);
    }
    reason = 'connection closed';
  });
}

/** Node gives a refused connection to a name with several addresses as an AggregateError without text. */
function reasonOf(error: Error): string {
  return error.message || ((error as NodeJS.ErrnoException).code ?? error.name);
}

async function answersPing(redis: Redis, milliseconds: number): Promise<boolean> {
  if (redis.status !== 'ready') {
    return false;
  }
  const answer = redis.ping().catch(() => undefined);
  return (await within(milliseconds, answer)) === 'PONG';
}

async function quit(redis: Redis, milliseconds: number): Promise<void> {
  if (redis.status === 'ready') {
    await within(
      milliseconds,
      redis.quit().catch(() => undefined),
    );
  }
  redis.disconnect();
}
