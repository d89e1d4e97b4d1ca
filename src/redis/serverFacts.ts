import type { Redis } from 'ioredis';
import { ask, type Answer } from './ask.js';
import type { Connection } from './connection.js';
import { refusal } from './failure.js';

/** What a server tells of itself. What it keeps to itself is undefined. */
export interface ServerFacts {
  /** `maxmemory-policy` of redis.conf. */
  evictionPolicy: string | undefined;
  /** Whether it writes what it holds to a disk, in whichever way. */
  isPersistent: boolean | undefined;
}

/** Reads the facts within `milliseconds`. Never rejects. */
export function readServerFacts(
  connection: Connection,
  milliseconds: number,
): Promise<Answer<ServerFacts>> {
  return ask(connection, milliseconds, async (redis) => {
    await redis.ping();
    const [info, save] = await Promise.all([
      redis.info().catch(() => ''),
      // Hosted servers and most ACLs keep the configuration to themselves.
      redis.config('GET', 'save').then(
        (reply) => reply[1],
        () => undefined,
      ),
    ]);
    const hasLog = /^aof_enabled:(\d)/m.exec(info)?.[1];
    return {
      evictionPolicy: /^maxmemory_policy:(\S+)/m.exec(info)?.[1],
      isPersistent: hasLog === '1' || (save === undefined ? undefined : save !== ''),
    };
  });
}

/** A command as it is sent: its name and its arguments. */
export type CommandText = readonly [name: string, ...rest: (string | number)[]];

/**
 * Tells why the server does not let this user run some of these commands or listen to this channel, in the words
 * of `refusal`; nothing where it does. No command is run: a server checks a command's rights when it queues it for a
 * transaction, and this one is discarded. Never rejects.
 */
export function refusedCommands(
  connection: Connection,
  commands: readonly CommandText[],
  channel: string,
  milliseconds: number,
): Promise<Answer<readonly string[]>> {
  return ask(connection, milliseconds, async (redis) => {
    // In one turn of the event loop: no command of others on this connection gets in between.
    const queued = [['multi'] as const, ...commands, ['discard'] as const].map(([name, ...rest]) =>
      redis.call(name, ...rest),
    );
    const results = await Promise.allSettled(queued);
    const errors = [
      ...results.map((result) =>
        result.status === 'rejected' ? (result.reason as Error) : undefined,
      ),
      await refusedToListen(redis, channel),
    ];
    const reasons = errors.flatMap((error) =>
      error?.message.startsWith('NOPERM') ? [refusal(error).reason] : [],
    );
    return [...new Set(reasons)];
  });
}

/** On a connection of its own: one that listens takes no other commands. */
async function refusedToListen(redis: Redis, channel: string): Promise<Error | undefined> {
  const listener = redis.duplicate({ lazyConnect: true, retryStrategy: null });
  // Without a listener, ioredis prints errors itself.
  listener.on('error', () => undefined);
  try {
    await listener.connect();
    await listener.subscribe(channel);
    return undefined;
  } catch (error) {
    return error as Error;
  } finally {
    listener.disconnect();
  }
}
