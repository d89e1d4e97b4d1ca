import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from '../redis/connection.js';
import type { Config } from '../config/config.js';
import { createApp } from '../http/app.js';
import type { CountRequest } from '../http/rateLimit.js';
import { startServer } from '../http/server/server.js';
import { createWaiters } from '../http/live/waiters.js';
import type { Log } from '../log/log.js';
import type { MetricsExchange } from '../metrics/metrics.js';
import { observeService, startTracing } from './observability.js';
import { createExamineFleet } from '../operations/doctor/examineFleet.js';
import { createGetConsole } from '../operations/service/getConsole.js';
import { createGetHealth } from '../operations/service/getHealth.js';
import { getLiveness } from '../operations/service/getLiveness.js';
import { createGetMetrics } from '../operations/service/getMetrics.js';
import { createGetReadiness } from '../operations/service/getReadiness.js';
import { createGetServiceInformation } from '../operations/service/getServiceInformation.js';
import { createContractOperations } from '../operations/service/showContract.js';
import { createDoctor } from './doctor.js';
import { prepareEventCounting } from './eventMetrics.js';
import { createInstalledRoutes, loadInstalledContract } from './installedContract.js';
import { openRedisConnections } from './redisConnections.js';
import { createReleasers, type Releasers } from './releasers.js';
import { createTaskOperations } from './taskOperations.js';
import { createWorkerOperations } from './workerOperations.js';

export interface Service {
  port: number;
  /** Reads the tasks files again. Faulty ones are told in the log, and change nothing. */
  reload: () => Promise<void>;
  /** Answers the requests in flight, then exports the last traces and closes Redis. */
  close: () => Promise<void>;
}

/** Redis's share of a client's waiting time; the rest is for the answer's own way. */
const SHARE_OF_REDIS = 0.95;

/** How long to wait for Redis: before listening, and at the end for its answer to QUIT. */
const CONNECTION_PATIENCE_MS = 1_000;

/** How long the last traces may take to reach their collector when the service stops. */
const EXPORT_PATIENCE_MS = 2_000;

/**
 * Opens Redis, builds the app and listens. A Redis that is down does not fail the start: the service says so, and
 * works as soon as Redis does. Any other failure closes what has been opened and rejects.
 *
 * @param overrides.contract the contract in place of the service's own
 * @param overrides.metricsExchange by which several processes count together
 */
export async function startService(
  config: Config,
  log: Log,
  overrides: Overrides = {},
): Promise<Service> {
  const opened = createReleasers();
  try {
    return await openService(config, log, overrides, opened);
  } catch (error) {
    await opened.run().catch(() => undefined);
    throw error;
  }
}

interface Overrides {
  contract?: URL;
  metricsExchange?: MetricsExchange | undefined;
}

async function openService(
  config: Config,
  log: Log,
  overrides: Overrides,
  opened: Releasers,
): Promise<Service> {
  const { http } = config;
  const contract = await loadInstalledContract(config, overrides.contract);
  const connections = openRedisConnections(config, log);
  opened.push(() => connections.close(CONNECTION_PATIENCE_MS));
  const tracing = await startTracing(config.tracing, contract.version, log);
  opened.push(() => tracing.close(EXPORT_PATIENCE_MS));

  const { client, backend, control, heartbeats } = connections;
  const redisAnswers = () => connections.answer(config.redis.healthTimeoutMs);
  const waiters = createWaiters(http.maxWaiters);
  const { route, queues, choosableQueues, refresh } = createInstalledRoutes(config, contract);
  const events = config.tasks.countsEvents
    ? prepareEventCounting(config, log, { connections, route, queues })
    : undefined;
  const metrics = observeService({
    ...{ config, contract, connections, queues },
    events: events?.sources,
    waiters: waiters.count,
    exchange: overrides.metricsExchange,
  });
  const { readResult } = client.backend;
  const patience = {
    assignMs: Math.floor(config.tasks.timeoutMs * SHARE_OF_REDIS),
    resultMs: Math.floor(config.results.timeoutMs * SHARE_OF_REDIS),
  };
  const shared = { route, readResult, patience };
  const workers = createWorkerOperations(config, log, {
    ...{ control, heartbeats, queues },
    ...shared,
  });
  const tasks = createTaskOperations(config, {
    ...shared,
    ...{ contract, choosableQueues, connections },
    checkTaskType: workers.checkTaskType,
    count: metrics.countAssignment,
  });
  let draining = false;
  const app = createApp({
    config: http,
    contract,
    log,
    waiters,
    countRequest: await requestCounter(backend, config, log),
    watch: metrics.requests,
    tracing,
    operations: {
      getServiceInformation: createGetServiceInformation(contract),
      ...tasks,
      ...workers.operations,
      getHealth: createGetHealth({ version: contract.version, redisAnswers }),
      getLiveness,
      getMetrics: createGetMetrics(metrics.text),
      getReadiness: createGetReadiness({ isDraining: () => draining, redisAnswers }),
      getConsole: createGetConsole(contract, http.rootPath),
      ...createContractOperations(contract, http.rootPath),
      examineFleet: createExamineFleet(
        createDoctor(config, { contract, backend, control, heartbeats, route, queues }),
      ),
    },
  });
  if (events !== undefined && metrics.outcomes !== undefined) {
    const endEvents = events.begin(metrics.outcomes);
    opened.push(() => endEvents(CONNECTION_PATIENCE_MS));
  }
  await connections.untilReady(CONNECTION_PATIENCE_MS);
  const server = await startServer(app, {
    ...http,
    methods: [...contract.methods, 'OPTIONS'],
  });
  opened.push(() => server.drain(config.process.shutdownTimeoutMs));
  return {
    port: server.port,
    async reload() {
      try {
        await contract.reload();
      } catch (error) {
        log.error('Tasks files are not taken: what was read before stays', {
          reason: error instanceof Error ? error.message : error,
        });
        return;
      }
      refresh();
      log.info('Tasks files have been read again', { task_types: contract.tasks.size });
    },
    async close() {
      draining = true;
      await delay(config.process.shutdownDelayMs);
      // Not before the delay: until then, a client that is sent away comes back here.
      waiters.endAll();
      await opened.run();
    },
  };
}

async function requestCounter(
  backend: Connection,
  { http, redis }: Config,
  log: Log,
): Promise<CountRequest | undefined> {
  if (http.rateLimitPerMinute === 0) {
    return undefined;
  }
  const { createRequestQuota } = await import('../redis/requestQuota.js');
  // Not on the broker's connection, where commands may wait for replicas.
  return createRequestQuota(backend.redis, {
    keyPrefix: redis.backend.keyPrefix,
    perMinute: http.rateLimitPerMinute,
    onAlone(cause) {
      log.warning('Redis does not count requests; this process limits its own alone', {
        reason: cause instanceof Error ? cause.message : cause,
      });
    },
  });
}
