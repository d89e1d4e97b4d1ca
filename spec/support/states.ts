import type { Redis } from 'ioredis';
import { eventually } from './eventually.js';

/** What a worker stores of a task, beside its id. */
export interface StoredState {
  status: string;
  result: unknown;
}

/**
 * Stores and publishes a state as a worker does (`RedisBackend._set` of celery/backends/redis.py).
 *
 * @param prefix what comes before Celery's own prefix of the key
 */
export async function publishState(
  redis: Redis,
  id: string,
  state: StoredState,
  prefix = '',
): Promise<void> {
  const key = `${prefix}celery-task-meta-${id}`;
  const isFinal = ['SUCCESS', 'FAILURE', 'REVOKED'].includes(state.status);
  const value = JSON.stringify({
    ...state,
    traceback: null,
    children: [],
    date_done: isFinal ? '2026-01-31T09:30:01.987654+00:00' : null,
    task_id: id,
  });
  await redis.multi().setex(key, 600, value).publish(key, value).exec();
}

/** Waits until so many connections are subscribed to the channel of a task. */
export async function subscribersOf(
  redis: Redis,
  id: string,
  count: number,
  prefix = '',
): Promise<void> {
  await eventually(`${count} connections listen to task ${id}`, async () => {
    const [, subscribers] = (await redis.pubsub('NUMSUB', `${prefix}celery-task-meta-${id}`)) as [
      string,
      number,
    ];
    return subscribers === count ? true : undefined;
  });
}
