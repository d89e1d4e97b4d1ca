import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Command, type Redis } from 'ioredis';
import { isRefusal, type Connection } from './connection.js';

/**
 * Returns the function that reads a key. The commands that are made at once are written together: to write
 * one costs several times as much as to make it.
 */
export function createKeyReader({ redis }: Connection): (key: string) => Promise<Buffer | null> {
  let isCorked = false;

  return (key) => {
    if (!isCorked) {
      isCorked = true;
      const { stream } = redis;
      stream.cork();
      process.nextTick(() => {
        isCorked = false;
        stream.uncork();
      });
    }
    return runCommand(redis, 'get', [key], null) as Promise<Buffer | null>;
  };
}

export type ScriptValue = string | number | Buffer;

/** A script in Lua, by its text and by the name that Redis keeps it under. */
export interface Script {
  text: string;
  sha1: string;
}

/**
 * Reads a script from files, each of which continues the one before it.
 *
 * @param base the `import.meta.url` of the module beside which they lie
 */
export function loadScript(base: string, ...names: readonly string[]): Script {
  const text = names.map((name) => readFileSync(new URL(name, base), 'utf8')).join('\n');
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}

/** Runs a script, and sends its text only to a Redis that does not know it yet. */
export async function runScript(
  redis: Redis,
  { text, sha1 }: Script,
  keys: readonly string[],
  values: readonly ScriptValue[],
): Promise<unknown> {
  const rest = [keys.length, ...keys, ...values];
  try {
    return await runCommand(redis, 'evalsha', [sha1, ...rest], 'utf8');
  } catch (error) {
    if (isRefusal(error) && error.message.startsWith('NOSCRIPT')) {
      return runCommand(redis, 'eval', [text, ...rest], 'utf8');
    }
    throw error;
  }
}

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
async function runCommand(
  redis: Redis,
  name: string,
  values: ScriptValue[],
  replyEncoding: 'utf8' | null,
): Promise<unknown> {
  const command = new CommandInParts(name, values, { replyEncoding });
  try {
    return await redis.sendCommand(command);
  } finally {
    command.args = [];
    command.promise = FORGOTTEN;
  }
}

const FORGOTTEN = Promise.resolve();

/** ioredis joins all arguments into one Buffer where there is a Buffer among them, which copies large ones once more. */
class CommandInParts extends Command {
  override toWritable(stream: Redis['stream']): string | Buffer {
    if (!this.args.some((value) => value instanceof Buffer)) {
      return super.toWritable(stream);
    }
    stream.cork();
    process.nextTick(() => {
      stream.uncork();
    });
    let text = `*${this.args.length + 1}\r\n$${this.name.length}\r\n${this.name}\r\n`;
    for (const value of this.args as (string | Buffer)[]) {
      text += `$${Buffer.byteLength(value)}\r\n`;
      if (typeof value === 'string') {
        text += value;
      } else {
        stream.write(text);
        stream.write(value);
        text = '';
      }
      text += '\r\n';
    }
    return text;
  }
}
