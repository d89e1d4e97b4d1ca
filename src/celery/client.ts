import { createClient } from 'celery-node';
import type { Redis } from 'ioredis';
import {
  connectionOptions,
  watchConnection,
  type Connection,
  type ConnectionEvents,
} from './connection.js';
import type { RedisAddress } from './redisUrl.js';

/** celery-node's client, and the two connections that it has opened. */
export interface CeleryClient {
  celery: ReturnType<typeof createClient>;
  broker: Connection;
  backend: Connection;
}

/** Lets celery-node open its connections to the message broker and to the result backend. */
export function openCeleryClient(
  addresses: { broker: RedisAddress; backend: RedisAddress },
  eventsOf: (role: 'broker' | 'backend') => ConnectionEvents,
): CeleryClient {
  const celery = createClient(addresses.broker.url, addresses.backend.url);
  celery.conf.CELERY_BROKER_OPTIONS = connectionOptions(addresses.broker);
  celery.conf.CELERY_BACKEND_OPTIONS = connectionOptions(addresses.backend);
  return {
    celery,
    broker: watchConnection(redisOf(celery.broker), eventsOf('broker')),
    backend: watchConnection(redisOf(celery.backend), eventsOf('backend')),
  };
}

/** celery-node keeps its ioredis client in the public field `redis`, which its types leave out. */
function redisOf(owner: unknown): Redis {
  return (owner as { redis: Redis }).redis;
}
