import type { Redis, RedisOptions } from 'ioredis';
import type { RedisAddress } from './address.js';

/** One connection to Redis that comes and goes. */
export interface Connection {
  redis: Redis;
  /** Whether it takes commands now. */
  isUsable: () => boolean;
  /** Waits until it can be used, `milliseconds` at most; says whether it can. */
  untilReady: (milliseconds: number) => Promise<boolean>;
  /** Whether it answers a PING within `milliseconds`. Never rejects. */
  answersPing: (milliseconds: number) => Promise<boolean>;
  /** Sends what is under way and closes, after `milliseconds` at the latest. */
  close: (milliseconds: number) => Promise<void>;
}

/** Events of a connection for the log: each change, and each new reason, once. */
export interface ConnectionEvents {
  connected: () => void;
  disconnected: (reason: string) => void;
}

/** How a connection is made, beside its address. */
export interface ConnectionSettings {
  /** The group of servers whose master is wanted, and how to log in at its sentinels; with sentinels alone. */
  sentinel: {
    masterName: string | undefined;
    username: string | undefined;
    password: string | undefined;
  };
  /**
   * After so many milliseconds of silence with a command unanswered, the connection is given up and made
   * anew: a peer that vanished without closing it (a cut cable, a lost NAT entry, a failover) is noticed by
   * its silence alone; the kernel would take a quarter of an hour.
   */
  silenceMs: number;
}

/**
 * The options of a connection on which ioredis sends a command once or not at all: it neither keeps it for a
 * later connection (a refused task must not appear minutes later) nor sends it again after a cut (its first
 * sending may have run). Whoever sends a command that may run twice tries again itself.
 */
export function connectionOptions(
  { options, checksHostname }: RedisAddress,
  { sentinel, silenceMs }: ConnectionSettings,
): Omit<RedisOptions, 'replyMapping'> {
  return {
    ...options,
    ...(options.tls &&
      !checksHostname && { tls: { ...options.tls, checkServerIdentity: () => undefined } }),
    ...(options.sentinels && {
      name: sentinel.masterName ?? '',
      ...(sentinel.username !== undefined && { sentinelUsername: sentinel.username }),
      ...(sentinel.password !== undefined && { sentinelPassword: sentinel.password }),
      // One that hangs must not keep the others from being asked.
      sentinelCommandTimeout: silenceMs,
      // For seconds after an ordered failover the old master goes on taking messages that it will throw away.
      failoverDetector: true,
      sentinelReconnectStrategy: () => 10_000,
    }),
    // RESP2 is understood by every Redis that Celery supports.
    protocol: 2,
    disableClientInfo: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // With 0, a command whose connection is cut is rejected at once; ioredis would forget it otherwise.
    maxRetriesPerRequest: 0,
    connectTimeout: silenceMs,
    socketTimeout: silenceMs,
    retryStrategy: (attempt) => Math.min(20 * 2 ** (attempt - 1), 1_000),
    // After a failover the server behind this address may be a replica: the name is looked up again.
    reconnectOnError: (error) => /\bREADONLY\b/.test(error.message),
  };
}

/** Watches a client of ioredis from its birth. */
export function watchConnection(redis: Redis, events: ConnectionEvents): Connection {
  const waiting = new Set<() => void>();
  let closing = false;
  let reason: string | undefined;
  let reported: string | undefined;
  let sentinelReason: string | undefined;
  /** A connection that is ending takes no more commands, before ioredis says that it has ended. */
  const isUsable = () => redis.status === 'ready' && redis.stream.writable;
  const report = (current: string): void => {
    if (!closing && current !== reported) {
      reported = current;
      events.disconnected(current);
    }
  };

  // This listener is required: without one, ioredis prints each failed attempt itself.
  redis.on('error', (error: Error) => {
    if (error.message.startsWith('All sentinels are unreachable')) {
      // There is no connection yet whose end would be told.
      report(sentinelReason ?? error.message);
      return;
    }
    // The first error says why; those that follow from it don't.
    reason ??= reasonOf(error);
    if (isRefusal(error)) {
      // A server that refuses the password or the database must not be used as it is: ioredis would
      // go on with database 0.
      redis.disconnect(true);
    }
  });
  redis.on('ready', () => {
    reported = undefined;
    events.connected();
    for (const resume of waiting) {
      resume();
    }
  });
  redis.on('close', () => {
    const current = reason ?? 'connection closed';
    reason = undefined;
    report(current);
  });
  redis.on('sentinelError', ({ message }: Error) => {
    sentinelReason = message.endsWith('invalid reply: null')
      ? 'the sentinels know no master of this name'
      : reasonOf(new Error(message));
  });

  return {
    redis,
    isUsable,
    async untilReady(milliseconds) {
      if (isUsable()) {
        return true;
      }
      return new Promise((resolve) => {
        const finish = (ready: boolean) => {
          clearTimeout(timer);
          waiting.delete(resume);
          resolve(ready);
        };
        const resume = () => {
          finish(true);
        };
        const timer = setTimeout(finish, Math.max(0, milliseconds), false);
        waiting.add(resume);
      });
    },
    async answersPing(milliseconds) {
      if (!isUsable()) {
        return false;
      }
      const answer = redis.ping().catch(() => undefined);
      return (await within(milliseconds, answer)) === 'PONG';
    },
    async close(milliseconds) {
      closing = true;
      if (redis.status === 'ready') {
        const quit = redis.quit().catch(() => undefined);
        await within(milliseconds, quit);
      }
      redis.disconnect();
    },
  };
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

/** Whether an error is Redis's own answer that it has refused a command: ioredis calls it ReplyError. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

/**
 * Node gives a refused connection to a name with several addresses as an AggregateError without text. Redis
 * quotes the arguments of a command that it does not know, such as the password of AUTH.
 */
function reasonOf(error: Error): string {
  const text = error.message || ((error as NodeJS.ErrnoException).code ?? error.name);
  return text.replace(/,? with args beginning with.*/s, '');
}
