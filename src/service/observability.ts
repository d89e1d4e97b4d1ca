import { createDepthReader, type ReadDepths } from '../celery/queues/depths.js';
import type { Config } from '../config/config.js';
import type { Contract } from '../contract/contract.js';
import type { Log } from '../log/log.js';
import type { Connection } from '../redis/connection.js';
import { createMetrics, type Metrics, type MetricsExchange } from '../metrics/metrics.js';
import type { EventSources } from '../metrics/outcomeMetrics.js';
import { startOpenTelemetry } from '../tracing/openTelemetry.js';
import { handOnTraces, type Tracing } from '../tracing/tracing.js';

interface Servers {
  broker: Connection;
  backend: Connection;
}

/** Creates the service's metrics; the depths and states of Redis are read over these connections. */
export function observeService(options: {
  config: Config;
  contract: Contract;
  connections: Servers;
  /** The queues that tasks are sent to. */
  queues: () => readonly string[];
  /** How many clients wait for a change. */
  waiters: () => number;
  /** Undefined where this process does not count events. */
  events: EventSources | undefined;
  exchange: MetricsExchange | undefined;
}): Metrics {
  const { config, contract, connections, queues, waiters, events, exchange } = options;
  const readDepths = createDepthReader(() => connections.broker, {
    ...config.redis.broker,
    milliseconds: config.redis.healthTimeoutMs,
  });
  return createMetrics({
    version: contract.version,
    nodeVersion: process.version,
    taskTypes: contract.taskTypes,
    redisStates: () => askRedisStates(connections, config.redis.healthTimeoutMs),
    // A scrape must not wait for a Redis that is away.
    queueDepths: async () =>
      connections.broker.isUsable() ? knownDepths(await readDepths(queues())) : [],
    ...{ waiters, events, exchange },
  });
}

/** Propagates callers' trace context; with an OTLP endpoint, also records and exports spans. */
export async function startTracing(
  { exportsSpans }: Config['tracing'],
  version: string,
  log: Log,
): Promise<Tracing> {
  if (!exportsSpans) {
    return handOnTraces;
  }
  return startOpenTelemetry(version, {
    failing(reason) {
      log.warning('The collector of traces does not take them; what does not fit is dropped', {
        reason,
      });
    },
    working() {
      log.info('The collector of traces takes them again');
    },
  });
}

function knownDepths(read: Awaited<ReturnType<ReadDepths>>) {
  const lists = 'value' in read ? read.value : [];
  return lists.flatMap(({ depth, ...list }) =>
    typeof depth === 'number' ? [{ ...list, depth }] : [],
  );
}

async function askRedisStates(
  { broker, backend }: Servers,
  milliseconds: number,
): Promise<readonly { role: string; isUp: boolean }[]> {
  return Promise.all(
    Object.entries({ broker, backend }).map(async ([role, connection]) => ({
      role,
      isUp: await connection.answersPing(milliseconds),
    })),
  );
}
