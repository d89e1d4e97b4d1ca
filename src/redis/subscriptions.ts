import { isRefusal, type Connection } from './connection.js';

/** The channels that this process listens to. */
export interface Subscriptions {
  add: (channel: string) => void;
  remove: (channel: string) => void;
  /** Says goodbye to Redis, within `milliseconds`. Nothing is listened to any more. */
  close: (milliseconds: number) => Promise<void>;
}

export interface SubscriptionEvents {
  /** From now on, what is published there is heard. Told again after each new connection. */
  subscribed: (channels: readonly string[]) => void;
  message: (channel: string, payload: Buffer) => void;
  /** Redis does not let this user listen. Told once, until it does. */
  refused: (reason: string) => void;
}

/**
 * Keeps one connection subscribed to whatever channels are wanted, through any number of cuts. What is published
 * while it is cut is not heard: `subscribed` is the moment to look.
 *
 * ioredis could subscribe anew by itself (`autoResubscribe`), but it forgets channels whose connection is cut
 * before Redis has confirmed them, and leaves a rejection that nothing handles.
 *
 * @param open makes the connection, when the first channel is wanted
 * @param silenceMs after so long without an answer, the connection gives itself up
 */
export function createSubscriptions(
  open: () => Connection,
  events: SubscriptionEvents,
  silenceMs: number,
): Subscriptions {
  const wanted = new Set<string>();
  /** Channels that Redis was asked for on the present connection. */
  const asked = new Set<string>();
  /** Channels added or removed since Redis was last asked. */
  const changed = new Set<string>();
  let connection: Connection | undefined;
  let heartbeat: NodeJS.Timeout | undefined;
  let isScheduled = false;
  let isRefused = false;
  let isClosed = false;

  const subscribe = async (channels: readonly string[]): Promise<void> => {
    channels.forEach((channel) => asked.add(channel));
    try {
      await connection?.redis.subscribe(...channels);
    } catch (error) {
      if (isRefusal(error)) {
        channels.forEach((channel) => asked.delete(channel));
        if (!isRefused) {
          isRefused = true;
          events.refused(error.message);
        }
        setTimeout(() => {
          channels.forEach(change);
        }, RETRY_MS).unref();
      }
      return;
    }
    isRefused = false;
    events.subscribed(channels);
  };
  const unsubscribe = (channels: readonly string[]): void => {
    channels.forEach((channel) => asked.delete(channel));
    connection?.redis.unsubscribe(...channels).catch(() => undefined);
  };

  const ask = (): void => {
    isScheduled = false;
    const channels = [...changed];
    changed.clear();
    // A new connection asks for everything that is wanted then.
    if (connection?.isUsable()) {
      const missing = channels.filter((one) => wanted.has(one) && !asked.has(one));
      const needless = channels.filter((one) => !wanted.has(one) && asked.has(one));
      inChunks(missing).forEach((chunk) => void subscribe(chunk));
      inChunks(needless).forEach(unsubscribe);
    }
  };
  /** Many come and go in one turn of the event loop: one command serves them all. */
  const change = (channel: string): void => {
    changed.add(channel);
    if (!isScheduled) {
      isScheduled = true;
      setImmediate(ask);
    }
  };

  const connect = (): Connection => {
    const opened = open();
    opened.redis.on('messageBuffer', (channel: Buffer, payload: Buffer) => {
      events.message(channel.toString(), payload);
    });
    opened.redis.on('ready', () => {
      asked.clear();
      wanted.forEach((channel) => changed.add(channel));
      ask();
    });
    return opened;
  };
  /** Whoever only listens hears no difference between silence and a peer that is gone: so it asks. */
  const ping = (): void => {
    if (connection?.isUsable()) {
      connection.redis.ping().catch(() => undefined);
    }
  };

  return {
    add(channel) {
      if (isClosed) {
        return;
      }
      connection ??= connect();
      heartbeat ??= setInterval(ping, silenceMs / 2).unref();
      wanted.add(channel);
      change(channel);
    },
    remove(channel) {
      wanted.delete(channel);
      change(channel);
      if (wanted.size === 0) {
        clearInterval(heartbeat);
        heartbeat = undefined;
      }
    },
    async close(milliseconds) {
      isClosed = true;
      clearInterval(heartbeat);
      await connection?.close(milliseconds);
    },
  };
}

/** The pause after a refusal, which an operator may have done something about. */
const RETRY_MS = 5_000;

/** Channels per command: a large one would hold up Redis's other clients. */
const CHUNK = 500;

function inChunks(channels: readonly string[]): string[][] {
  const chunks: string[][] = [];
  for (let start = 0; start < channels.length; start += CHUNK) {
    chunks.push(channels.slice(start, start + CHUNK));
  }
  return chunks;
}
