import { runCommand } from './command.js';
import type { Connection } from './connection.js';

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
