import type { Redis } from 'ioredis';

/**
 * Cuts every client's connection to Redis, but for the one of `control`, again and again. Returns the
 * function that ends it and gives how many connections were cut.
 */
export function cutConnectionsEvery(milliseconds: number, control: Redis): () => Promise<number> {
  let cut = 0;
  let latest: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    latest = cutConnections(control).then((count) => {
      cut += count;
    });
  }, milliseconds);
  return async () => {
    clearInterval(timer);
    await latest;
    return cut;
  };
}

/** Gives how many connections were cut: those that send commands, and those that are subscribed to channels. */
async function cutConnections(control: Redis): Promise<number> {
  const cut = await Promise.all(
    ['normal', 'pubsub'].map((type) =>
      control.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes'),
    ),
  );
  return cut.reduce((sum: number, count) => sum + Number(count), 0);
}
