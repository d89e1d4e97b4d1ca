import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  openCeleryClient,
  openLater,
  type CeleryClient,
  type ConnectionPlan,
} from './celery/client.js';
import type { ConnectionEvents } from './celery/connection.js';
import { watchEviction } from './celery/eviction.js';
import { createProducer, type ProducerOptions } from './celery/producer.js';
import { createRequestQuota } from './celery/requestQuota.js';
import { createResultReader } from './celery/results.js';
import { createRouting } from './celery/routing.js';
import { createStateChanges } from './celery/stateChanges.js';
import type { Config } from './config.js';
import { loadContract, type OperationId } from './contract/contract.js';
import { createApp } from './http/app.js';
import type { CountRequest } from './http/rateLimit.js';
import { startServer } from './http/server.js';
import { createWaiters } from './http/waiters.js';
import type { Log } from './log.js';
import type { MetricsExchange } from './metrics/metrics.js';
import { observeService, startTracing } from './observation.js';
import { createAssignmentReader } from './operations/assignment.js';
import { createAssignTask } from './operations/assignTask.js';
import { createAssignTasks } from './operations/assignTasks.js';
import { createGetConsole } from './operations/getConsole.js';
import { createGetHealth } from './operations/getHealth.js';
import { getLiveness } from './operations/getLiveness.js';
import { createGetMetrics } from './operations/getMetrics.js';
import { createGetReadiness } from './operations/getReadiness.js';
import { createGetResult } from './operations/getResult.js';
import { createGetResults } from './operations/getResults.js';
import { createGetServiceInformation } from './operations/getServiceInformation.js';
import { createContractOperations } from './operations/showContract.js';
import { createStreamResult } from './operations/streamResult.js';
import { createWatchTask } from './operations/watchTask.js';
import { createWorkerOperations } from './service/workerOperations.js';

export interface Service {
  port: number;
  /** Drains requests in flight, then closes Redis. */
  close: () => Promise<void>;
}

/** Operations that ask for no key where the configuration says so. */
const PUBLIC_ON_DEMAND: readonly OperationId[] = ['getMetrics'];

const CONTRACT = new URL('../../openapi.yaml', import.meta.url);

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
  const contract = loadContract(
    overrides.contract ?? CONTRACT,
    config.rootPath,
    config.apiKeys.length > 0,
    config.metricsArePublic ? PUBLIC_ON_DEMAND : [],
    { RESULT_WAIT_MAX: config.resultWaitMax },
  );
  const backendPlan = connectionPlan('backend', config.resultTimeoutMs, config, log);
  const client = openCeleryClient({
    broker: connectionPlan('broker', config.assignTimeoutMs, config, log),
    backend: backendPlan,
  });
  const changes = createStateChanges(client.backend, {
    globalKeyPrefix: config.resultKeyPrefix,
    readMs: config.resultTimeoutMs,
    silenceMs: backendPlan.settings.silenceMs,
    events: {
      ...connectionEvents({ role: 'states', url: config.backend.label }, log),
      refused(reason) {
        log.warning('Redis lets nobody wait for tasks: its user may not SUBSCRIBE', { reason });
      },
    },
  });
  watchEviction(client.broker, (policy) => {
    log.warning(
      'Redis may evict messages and what makes them unique: set its policy to noeviction',
      {
        maxmemory_policy: policy,
      },
    );
  });
  const connections = [client.broker, client.backend];
  const redisAnswers = () =>
    everyOne(connections, (connection) => connection.answersPing(config.healthTimeoutMs));
  /** Beside the others, so that no task and no result waits behind a search through a queue. */
  const control = openLater(connectionPlan('control', config.assignTimeoutMs, config, log));
  const closeRedis = (milliseconds: number) =>
    Promise.all(
      [...connections, changes, control].map((connection) => connection.close(milliseconds)),
    );
  const waiters = createWaiters(config.maxWaiters);
  const metrics = observeService({
    ...{ config, contract, client },
    waiters: waiters.count,
    exchange: overrides.metricsExchange,
  });
  let draining = false;

  const results = {
    readResult: createResultReader(client.backend, config.resultKeyPrefix),
    watch: changes.watch,
    exposesTracebacks: config.exposesTracebacks,
    timeout: withinAnswerTime(config.resultTimeoutMs),
  };

  try {
    const route = createRouting(config.routing);
    const { readResult } = results;
    const workers = createWorkerOperations(config, log, { control, route, readResult });
    const assigning = {
      ...createProducer(client.broker, producerOptions(config, log)),
      readAssignment: createAssignmentReader(route, {
        queues: config.queues,
        longestDelay: longestDelay(config.visibilityTimeoutSeconds),
      }),
      checkTaskType: workers.checkTaskType,
      count: metrics.countAssignment,
      timeout: withinAnswerTime(config.assignTimeoutMs),
    };
    const tracing = await startTracing(config, contract.version, log);
    const app = createApp({
      config,
      contract,
      log,
      waiters,
      countRequest: requestCounter(client, config, log),
      watch: metrics.requests,
      tracing,
      operations: {
        getServiceInformation: createGetServiceInformation(contract),
        assignTask: createAssignTask(assigning),
        assignTasks: createAssignTasks(assigning),
        getResult: createGetResult(results),
        getResults: createGetResults(results),
        streamResult: createStreamResult(results),
        watchTask: createWatchTask(results),
        ...workers.operations,
        getHealth: createGetHealth({ version: contract.version, redisAnswers }),
        getLiveness,
        getMetrics: createGetMetrics(metrics.text),
        getReadiness: createGetReadiness({ isDraining: () => draining, redisAnswers }),
        getConsole: createGetConsole(contract, config.rootPath),
        ...createContractOperations(contract, config.rootPath),
      },
    });
    await everyOne(connections, (connection) => connection.untilReady(CONNECTION_PATIENCE_MS));
    const server = await startServer(app, {
      ...config,
      methods: [...contract.methods, 'OPTIONS'],
    });
    return {
      port: server.port,
      async close() {
        draining = true;
        await delay(config.shutdownDelayMs);
        // Not before: during the delay, whoever is sent away comes back here.
        waiters.endAll();
        await server.drain(config.shutdownTimeoutMs);
        await Promise.all([closeRedis(CONNECTION_PATIENCE_MS), tracing.close(EXPORT_PATIENCE_MS)]);
      },
    };
  } catch (error) {
    await closeRedis(0);
    throw error;
  }
}

async function everyOne<Value>(
  values: readonly Value[],
  holds: (value: Value) => Promise<boolean>,
): Promise<boolean> {
  return (await Promise.all(values.map(holds))).every(Boolean);
}

/** What is left for Redis of the time that a client waits for its answer. */
function withinAnswerTime(milliseconds: number): number {
  return Math.floor(milliseconds * 0.95);
}

/**
 * How far ahead an eta may be, in seconds: a worker holds the message until then, and acknowledges it after
 * the run at the latest. A tenth of the visibility timeout is left for that.
 */
function longestDelay(visibilityTimeout: number): number {
  return Math.floor(visibilityTimeout * 0.9);
}

function requestCounter(
  { backend }: CeleryClient,
  { resultKeyPrefix, rateLimitPerMinute }: Config,
  log: Log,
): CountRequest | undefined {
  if (rateLimitPerMinute === 0) {
    return undefined;
  }
  // Not the broker's, which may wait for its replicas.
  return createRequestQuota(backend.redis, {
    keyPrefix: resultKeyPrefix,
    perMinute: rateLimitPerMinute,
    onAlone(cause) {
      log.warning('Redis does not count requests; this process limits its own alone', {
        reason: cause instanceof Error ? cause.message : cause,
      });
    },
  });
}

function producerOptions(config: Config, log: Log): ProducerOptions {
  return {
    keyPrefix: config.brokerKeyPrefix,
    database: config.broker.database,
    sender: { origin: config.taskOrigin, replyTo: randomUUID(), processId: process.pid },
    sendsEvents: config.sendsTaskSentEvents,
    compressionThreshold: config.compressionThresholdBytes,
    replicas: config.waitReplicas,
    maximumDepth: config.queueMaximumDepth,
    claimSeconds: config.idempotencySeconds,
    onEventRefused(reason) {
      log.warning(
        'Redis refuses the event of a sent task; Flower will show it when a worker has it',
        { reason },
      );
    },
  };
}

/** @param answerMs how long a client waits for an answer that needs this connection */
function connectionPlan(
  role: 'broker' | 'backend' | 'control',
  answerMs: number,
  config: Config,
  log: Log,
): ConnectionPlan {
  const address = config[role === 'backend' ? role : 'broker'];
  return {
    address,
    // So that a client may be answered on another connection when the first one has fallen silent.
    settings: { sentinel: config.sentinel, silenceMs: between(500, answerMs / 2, 2_000) },
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
