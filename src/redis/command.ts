import { Command, type Redis } from 'ioredis';

/**
 * Has Redis run a command, as ioredis's own methods do, and lets go of what was sent and of the reply.
 *
 * A command of ioredis keeps in its properties closures that reach all of it, and V8 (Node.js 20 to 24) takes
 * what such a closure reaches for alive in every collection of the young generation, until a full one: each
 * batch of messages would be moved to the old generation, which costs as much as to send it.
 *
 * @param values copied by ioredis
 * @param replyEncoding null for a Buffer
 */
export async function runCommand(
  redis: Redis,
  name: string,
  values: (string | number)[],
  replyEncoding: 'utf8' | null,
): Promise<unknown> {
  const command = new Command(name, values, { replyEncoding });
  try {
    return await redis.sendCommand(command);
  } finally {
    command.args = [];
    command.promise = FORGOTTEN;
  }
}

const FORGOTTEN = Promise.resolve();
