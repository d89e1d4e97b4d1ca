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
      isPersistent:
        hasLog === '1' || (hasLog === undefined || save === undefined ? undefined : save !== ''),
    };
  });
}

/** A command as it is sent: its name and its arguments. */
export type CommandText = readonly [name: string, ...rest: (string | number)[]];

/**
 * Tells why the server does not let this user run some of these commands or listen to this channel, in the words
 * of `refusal`; nothing where it does. No command is run: a server checks a command's rights when it queues it for a
 * transaction, and the connection of its own, on which that is, ends with it. Never rejects.
 */
export function refusedCommands(
  connection: Connection,
  commands: readonly CommandText[],
  channel: string,
  milliseconds: number,
): Promise<Answer<readonly string[]>> {
  return ask(connection, milliseconds, async (redis) => {
    const trial = redis.duplicate({ lazyConnect: true, retryStrategy: null });
    // Without a listener, ioredis prints errors itself.
    trial.on('error', () => undefined);
    try {
      await trial.connect();
      const begun = await refusalOf(trial.call('multi'));
      // Outside of a transaction, the commands would run.
      const refused = begun === undefined ? await refusedIn(trial, commands) : [begun];
      const errors = [...refused, await refusalOf(trial.subscribe(channel))];
      const reasons = errors.flatMap((error) =>
        error?.message.startsWith('NOPERM') ? [refusal(error).reason] : [],
      );
      return [...new Set(reasons)];
    } finally {
      trial.disconnect();
    }
  });
}

/** @param trial in a transaction, which this ends */
async function refusedIn(
  trial: Redis,
  commands: readonly CommandText[],
): Promise<(Error | undefined)[]> {
  const queued = [...commands, ['discard'] as const].map(([name, ...rest]) =>
    refusalOf(trial.call(name, ...rest)),
  );
  return Promise.all(queued);
}

function refusalOf(answer: Promise<unknown>): Promise<Error | undefined> {
  return answer.then(
    () => undefined,
    (error: unknown) => error as Error,
  );
}
