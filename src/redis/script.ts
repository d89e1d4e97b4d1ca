import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { runCommand } from './command.js';
import { isRefusal } from './connection.js';

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
  values: readonly (string | number)[],
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
