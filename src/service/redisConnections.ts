import { v4 as uuid } from 'uuid';
import { createHeartbeats, type Heartbeats } from '../celery/fleet/heartbeats.js';
import { CeleryClient } from '../celery/producing/client.js';
import type { Broker } from '../celery/producing/broker.js';
import { createRedisBroker } from '../celery/producing/redisBroker/broker.js';
import { createRedisBackend, type ResultBackend } from '../celery/results/backend.js';
import { createStateChanges, type StateChanges } from '../celery/results/stateChanges.js';
import type { Config } from '../config/config.js';
import type { Log } from '../log/log.js';
import {
  connectionOptions,
  watchConnection,
  type Connection,
  type ConnectionEvents,
} from '../redis/connection.js';
import { watchEviction } from '../redis/eviction.js';
import { openConnection, openLater, type LaterConnection } from '../redis/open.js';

/** All connections to Redis. */
export interface RedisConnections {
  /** celery-node's client, which publishes over `broker` and reads over `backend`. */
  client: CeleryClient<ResultBackend>;
  broker: Connection;
  backend: Connection;
  /** Subscribes for all clients that wait for a task. Opened for the first of them. */
  changes: StateChanges;
  /** Listens to the workers for all who ask how they are. Opened for the first of them. */
  heartbeats: Heartbeats;
  /** Commands to workers and searches through queues: apart, so that no task and no result waits behind a search. */
  control: LaterConnection;
  /** Opens another connection to the broker, for whoever listens: it is closed with what it is for. */
  openListener: (role: string) => Connection;
  /** Whether broker and result backend both answer now. */
  answer: (milliseconds: number) => Promise<boolean>;
  /** Waits until both are usable, for `milliseconds` at most. */
  untilReady: (milliseconds: number) => Promise<void>;
  close: (milliseconds: number) => Promise<void>;
}

/** Opens the connections and logs their changes. Redis may be down. */
export function openRedisConnections(config: Config, log: Log): RedisConnections {
  const { redis, tasks, results } = config;
  const conf = celeryConf(config);
  const brokerPlan = { url: conf.CELERY_BROKER, options: conf.CELERY_BROKER_OPTIONS };
  const backendPlan = { url: conf.CELERY_BACKEND, options: conf.CELERY_BACKEND_OPTIONS };
  const eventsOf = (role: string, url: string) => connectionEvents({ role, url }, log);
  const broker = openConnection({
    ...brokerPlan,
    events: eventsOf('broker', redis.broker.address.label),
  });
  const backend = openConnection({
    ...backendPlan,
    events: eventsOf('backend', redis.backend.address.label),
  });
  const control = openLater({
    ...brokerPlan,
    events: eventsOf('control', redis.broker.address.label),
  });
  const changes = createStateChanges(backend, {
    globalKeyPrefix: redis.backend.keyPrefix,
    readMs: results.timeoutMs,
    silenceMs: silenceMs(results.timeoutMs),
    events: {
      ...eventsOf('states', redis.backend.address.label),
      refused(reason) {
        log.warning('Redis lets nobody wait for tasks: its user may not SUBSCRIBE', { reason });
      },
    },
  });
  const openListener = (role: string): Connection =>
    watchConnection(
      broker.redis.duplicate({ autoResubscribe: false }),
      eventsOf(role, redis.broker.address.label),
    );
  const heartbeats = createHeartbeats(() => openListener('heartbeats'), {
    keyPrefix: redis.broker.keyPrefix,
    database: redis.broker.address.database,
    silenceMs: silenceMs(tasks.timeoutMs),
    refused(reason) {
      log.warning("Redis lets nobody hear the workers' heartbeats: its user may not SUBSCRIBE", {
        reason,
      });
    },
  });
  watchEviction(broker, (policy) => {
    log.warning(
      'Redis may evict messages and what makes them unique: set its policy to noeviction',
      { maxmemory_policy: policy },
    );
  });
  const client = new CeleryClient({
    conf,
    broker: redisBroker(broker, config, log),
    backend: createRedisBackend(backend, redis.backend.keyPrefix, results.timeoutMs),
    sender: { origin: tasks.sending.origin, replyTo: uuid(), processId: process.pid },
    sendsEvents: tasks.sending.sendsEvents,
    compressionThreshold: tasks.sending.compressionThreshold,
  });
  const both = [broker, backend];

  return {
    ...{ client, broker, backend, changes, heartbeats, control },
    openListener,
    async answer(milliseconds) {
      const answers = both.map((connection) => connection.answersPing(milliseconds));
      return (await Promise.all(answers)).every(Boolean);
    },
    async untilReady(milliseconds) {
      await Promise.all(both.map((connection) => connection.untilReady(milliseconds)));
    },
    async close(milliseconds) {
      const all = [...both, changes, heartbeats, control];
      await Promise.all(all.map((connection) => connection.close(milliseconds)));
    },
  };
}

/** Our configuration in celery-node's words. */
function celeryConf({ redis, tasks, results }: Config) {
  const { sentinel } = redis;
  const broker = redis.broker.address;
  const backend = redis.backend.address;
  return {
    CELERY_BROKER: broker.url,
    CELERY_BROKER_OPTIONS: connectionOptions(broker, {
      ...{ sentinel, silenceMs: silenceMs(tasks.timeoutMs) },
    }),
    CELERY_BACKEND: backend.url,
    CELERY_BACKEND_OPTIONS: connectionOptions(backend, {
      ...{ sentinel, silenceMs: silenceMs(results.timeoutMs) },
    }),
    CELERY_QUEUE: tasks.routing.queue,
  };
}

/**
 * How long a connection may be silent, so that a client may still be answered over the next one.
 *
 * @param answerMs how long a client waits for an answer that needs this connection
 */
export function silenceMs(answerMs: number): number {
  return Math.round(Math.min(Math.max(500, answerMs / 2), 2_000));
}

function redisBroker(connection: Connection, { redis, tasks }: Config, log: Log): Broker {
  const { address, ...naming } = redis.broker;
  return createRedisBroker(connection, {
    ...naming,
    database: address.database,
    replicas: redis.waitReplicas,
    maximumDepth: tasks.sending.maximumDepth,
    claimSeconds: tasks.sending.claimSeconds,
    milliseconds: tasks.timeoutMs,
    onEventRefused(reason) {
      log.warning(
        'Redis refuses the event of a sent task; Flower will show it when a worker has it',
        { reason },
      );
    },
  });
}

function connectionEvents(fields: { role: string; url: string }, log: Log): ConnectionEvents {
  return {
    connected() {
      log.info('Connected to Redis', fields);
    },
    disconnected(reason) {
      log.warning('No connection to Redis; retrying', { ...fields, reason });
    },
  };
}
