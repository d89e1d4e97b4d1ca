import { createClient } from 'celery-node';
import { Redis } from 'ioredis';
import {
  connectionOptions,
  watchConnection,
  type Connection,
  type ConnectionEvents,
  type ConnectionSettings,
} from '../redis/connection.js';
import type { RedisAddress } from '../redis/address.js';

/** The two connections that celery-node's client has opened. */
export interface CeleryClient {
  broker: Connection;
  backend: Connection;
}

export interface ConnectionPlan {
  address: RedisAddress;
  settings: ConnectionSettings;
  events: ConnectionEvents;
}

/** Lets celery-node open its connections to the message broker and to the result backend. */
export function openCeleryClient(plans: {
  broker: ConnectionPlan;
  backend: ConnectionPlan;
}): CeleryClient {
  const { broker, backend } = plans;
  const celery = createClient(broker.address.url, backend.address.url);
  celery.conf.CELERY_BROKER_OPTIONS = connectionOptions(broker.address, broker.settings);
  celery.conf.CELERY_BACKEND_OPTIONS = connectionOptions(backend.address, backend.settings);
  return {
    broker: watchConnection(redisOf(celery.broker), broker.events),
    backend: watchConnection(redisOf(celery.backend), backend.events),
  };
}

/** A connection that is opened when it is first asked for, and then kept. */
export interface LaterConnection {
  get: () => Connection;
  close: (milliseconds: number) => Promise<void>;
}

export function openLater({ address, settings, events }: ConnectionPlan): LaterConnection {
  let connection: Connection | undefined;
  return {
    get() {
      connection ??= watchConnection(
        new Redis(address.url, connectionOptions(address, settings)),
        events,
      );
      return connection;
    },
    async close(milliseconds) {
      await connection?.close(milliseconds);
    },
  };
}

/** celery-node keeps its ioredis client in the public field `redis`, which its types leave out. */
function redisOf(owner: unknown): Redis {
  return (owner as { redis: Redis }).redis;
}
