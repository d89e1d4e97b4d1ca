import {
  openCeleryClient,
  openLater,
  type CeleryClient,
  type ConnectionPlan,
  type LaterConnection,
} from '../celery/client.js';
import type { ConnectionEvents } from '../redis/connection.js';
import { watchEviction } from '../redis/eviction.js';
import { createStateChanges, type StateChanges } from '../celery/results/stateChanges.js';
import type { Config } from '../config/config.js';
import type { Log } from '../log/log.js';

/** All connections to Redis. */
export interface RedisConnections {
  client: CeleryClient;
  /** Subscribes for all clients that wait for a task. Opened for the first of them. */
  changes: StateChanges;
  /** Commands to workers and searches through queues: apart, so that no task and no result waits behind a search. */
  control: LaterConnection;
  /** Whether broker and result backend both answer now. */
  answer: (milliseconds: number) => Promise<boolean>;
  /** Waits until both are usable, for `milliseconds` at most. */
  untilReady: (milliseconds: number) => Promise<void>;
  close: (milliseconds: number) => Promise<void>;
}

/** Opens the connections and logs their changes. Redis may be down. */
export function openRedisConnections(
  { redis, tasks, results }: Config,
  log: Log,
): RedisConnections {
  const backendPlan = connectionPlan('backend', results.timeoutMs, redis, log);
  const client = openCeleryClient({
    broker: connectionPlan('broker', tasks.timeoutMs, redis, log),
    backend: backendPlan,
  });
  const changes = createStateChanges(client.backend, {
    globalKeyPrefix: redis.backend.keyPrefix,
    readMs: results.timeoutMs,
    silenceMs: backendPlan.settings.silenceMs,
    events: {
      ...connectionEvents({ role: 'states', url: redis.backend.address.label }, log),
      refused(reason) {
        log.warning('Redis lets nobody wait for tasks: its user may not SUBSCRIBE', { reason });
      },
    },
  });
  watchEviction(client.broker, (policy) => {
    log.warning(
      'Redis may evict messages and what makes them unique: set its policy to noeviction',
      { maxmemory_policy: policy },
    );
  });
  const control = openLater(connectionPlan('control', tasks.timeoutMs, redis, log));
  const both = [client.broker, client.backend];

  return {
    ...{ client, changes, control },
    async answer(milliseconds) {
      const answers = both.map((connection) => connection.answersPing(milliseconds));
      return (await Promise.all(answers)).every(Boolean);
    },
    async untilReady(milliseconds) {
      await Promise.all(both.map((connection) => connection.untilReady(milliseconds)));
    },
    async close(milliseconds) {
      const all = [...both, changes, control];
      await Promise.all(all.map((connection) => connection.close(milliseconds)));
    },
  };
}

/** @param answerMs how long a client waits for an answer that needs this connection */
function connectionPlan(
  role: 'broker' | 'backend' | 'control',
  answerMs: number,
  redis: Config['redis'],
  log: Log,
): ConnectionPlan {
  const { address } = redis[role === 'backend' ? role : 'broker'];
  return {
    address,
    // Half of the answer's time, so that a second connection can still answer if the first one falls silent.
    settings: { sentinel: redis.sentinel, silenceMs: between(500, answerMs / 2, 2_000) },
    events: connectionEvents({ role, url: address.label }, log),
  };
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

function between(least: number, value: number, most: number): number {
  return Math.round(Math.min(Math.max(least, value), most));
}
