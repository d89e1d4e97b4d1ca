import { setTimeout as delay } from 'node:timers/promises';
import type { CeleryClient } from '../celery/client.js';
import { createRequestQuota } from '../redis/requestQuota.js';
import { createResultReader } from '../celery/results/results.js';
import { createRouting } from '../celery/wire/routing.js';
import type { Config } from '../config/config.js';
import { loadContract, type OperationId } from '../contract/contract.js';
import { createApp } from '../http/app.js';
import type { CountRequest } from '../http/rateLimit.js';
import { startServer } from '../http/server/server.js';
import { createWaiters } from '../http/live/waiters.js';
import type { Log } from '../log/log.js';
import type { MetricsExchange } from '../metrics/metrics.js';
import { observeService, startTracing } from './observability.js';
import { createGetConsole } from '../operations/service/getConsole.js';
import { createGetHealth } from '../operations/service/getHealth.js';
import { getLiveness } from '../operations/service/getLiveness.js';
import { createGetMetrics } from '../operations/service/getMetrics.js';
import { createGetReadiness } from '../operations/service/getReadiness.js';
import { createGetServiceInformation } from '../operations/service/getServiceInformation.js';
import { createContractOperations } from '../operations/service/showContract.js';
import { openRedisConnections } from './redisConnections.js';
import { createTaskOperations } from './taskOperations.js';
import { createWorkerOperations } from './workerOperations.js';

export interface Service {
  port: number;
  /** Drains requests in flight, then closes Redis. */
  close: () => Promise<void>;
}

/** Operations that ask for no key where the configuration says so. */
const PUBLIC_ON_DEMAND: readonly OperationId[] = ['getMetrics'];

const CONTRACT = new URL('../../../openapi.yaml', import.meta.url);

/** How long to wait for Redis: at the start before listening, at the end for its goodbye. */
const CONNECTION_PATIENCE_MS = 1_000;

/** How long the last traces may take to reach their collector when the service stops. */
const EXPORT_PATIENCE_MS = 2_000;

/**
 * Opens Redis, builds the app and listens. Redis may be down: the service starts all the same, says so,
 * and works as soon as Redis does. Whatever else fails closes what has been opened and rejects.
 *
 * @param overrides.contract the contract in place of the service's own
 * @param overrides.metricsExchange by which several processes count together
 */
export async function startService(
  config: Config,
  log: Log,
  overrides: { contract?: URL; metricsExchange?: MetricsExchange | undefined } = {},
): Promise<Service> {
  const { http } = config;
  const contract = loadContract(
    overrides.contract ?? CONTRACT,
    http.rootPath,
    http.apiKeys.length > 0,
    http.metricsArePublic ? PUBLIC_ON_DEMAND : [],
    { RESULT_WAIT_MAX: config.results.waitMax },
  );
  const connections = openRedisConnections(config, log);
  const { client, control } = connections;
  const redisAnswers = () => connections.answer(config.redis.healthTimeoutMs);
  const waiters = createWaiters(http.maxWaiters);
  const metrics = observeService({
    ...{ config, contract, client },
    waiters: waiters.count,
    exchange: overrides.metricsExchange,
  });
  let draining = false;

  try {
    const route = createRouting(config.tasks.routing);
    const readResult = createResultReader(client.backend, config.redis.backend.keyPrefix);
    const workers = createWorkerOperations(config, log, { control, route, readResult });
    const tasks = createTaskOperations(config, log, {
      ...{ connections, route, readResult },
      checkTaskType: workers.checkTaskType,
      count: metrics.countAssignment,
    });
    const tracing = await startTracing(config.tracing, contract.version, log);
    const application = createApp({
      config: http,
      contract,
      log,
      waiters,
      countRequest: requestCounter(client, config, log),
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
      },
    });
    await connections.untilReady(CONNECTION_PATIENCE_MS);
    const server = await startServer(application, {
      ...http,
      methods: [...contract.methods, 'OPTIONS'],
    });
    return {
      port: server.port,
      async close() {
        draining = true;
        await delay(config.process.shutdownDelayMs);
        // Not before: during the delay, whoever is sent away comes back here.
        waiters.endAll();
        await server.drain(config.process.shutdownTimeoutMs);
        await Promise.all([
          connections.close(CONNECTION_PATIENCE_MS),
          tracing.close(EXPORT_PATIENCE_MS),
        ]);
      },
    };
  } catch (error) {
    await connections.close(0);
    throw error;
  }
}

function requestCounter(
  { backend }: CeleryClient,
  { http, redis }: Config,
  log: Log,
): CountRequest | undefined {
  if (http.rateLimitPerMinute === 0) {
    return undefined;
  }
  // Not the broker's, which may wait for its replicas.
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
