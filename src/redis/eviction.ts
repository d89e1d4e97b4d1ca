import type { Connection } from './connection.js';

/**
 * Calls `onEviction` with the policy of a server that may evict keys when its memory is full, once for each
 * policy that is found when a connection is made. A server that does not tell is left alone.
 */
export function watchEviction({ redis }: Connection, onEviction: (policy: string) => void): void {
  let known = 'noeviction';
  redis.on('ready', () => {
    redis.info('memory').then(
      (text) => {
        const policy = /^maxmemory_policy:(\S+)/m.exec(text)?.[1] ?? known;
        if (policy !== known && policy !== 'noeviction') {
          onEviction(policy);
        }
        known = policy;
      },
      () => undefined,
    );
  });
}
