import { openConnections, type ConnectionEvents } from './celery/connections.js';
import { createProducer } from './celery/producer.js';
import { createResultReader } from './celery/results.js';
import { createRouting } from './celery/routing.js';
import type { Config } from './config.js';
import { loadContract } from './contract/contract.js';
import { createApp } from './http/app.js';
import { startServer } from './http/server.js';
import type { Log } from './log.js';
import { createAssignTask } from './operations/assignTask.js';
import { createGetHealth } from './operations/getHealth.js';
import { getLiveness } from './operations/getLiveness.js';
import { createGetReadiness } from './operations/getReadiness.js';
import { createGetResult } from './operations/getResult.js';
import { createGetServiceInformation } from './operations/getServiceInformation.js';
import { createContractOperations } from './operations/showContract.js';

export interface Service {
  port: number;
  /** Drains requests in flight, then closes Redis. */
  close: () => Promise<void>;
}

const CONTRACT = new URL('../../openapi.yaml', import.meta.url);

/**
 * Opens Redis, builds the app and listens. Redis may be down: the service starts all the same, says so,
 * and works as soon as Redis does.
 */
export async function startService(config: Config, log: Log): Promise<Service> {
  const contract = loadContract(CONTRACT, config.rootPath);
  const connections = openConnections(config, connectionLog(log));
  const redisAnswers = () => connections.ping(config.healthTimeoutMs);
  let draining = false;

  const app = createApp({
    config,
    contract,
    log,
    operations: {
      getServiceInformation: createGetServiceInformation(contract),
      assignTask: createAssignTask({
        route: createRouting(config.routing),
        sendTask: createProducer(connections),
        timeout: withinAnswerTime(config.assignTimeoutMs),
      }),
      getResult: createGetResult({
        readResult: createResultReader(connections),
        timeout: withinAnswerTime(config.resultTimeoutMs),
      }),
      getHealth: createGetHealth({ version: contract.version, redisAnswers }),
      getLiveness,
      getReadiness: createGetReadiness({ isDraining: () => draining, redisAnswers }),
      ...createContractOperations(contract, config.rootPath),
    },
  });

  try {
    await connections.ready(1_000);
    const server = await startServer(app, config);
    return {
      port: server.port,
      async close() {
        draining = true;
        await server.drain(config.shutdownTimeoutMs);
        await connections.close(1_000);
      },
    };
  } catch (error) {
    await connections.close(0);
    throw error;
  }
}

/** What is left for Redis of the time that a client waits for its answer. */
function withinAnswerTime(milliseconds: number): number {
  return Math.floor(milliseconds * 0.95);
}

function connectionLog(log: Log): ConnectionEvents {
  return {
    connected(role) {
      log.info('Connected to Redis', { role });
    },
    disconnected(role, reason) {
      log.warning('No connection to Redis; retrying', { role, reason });
    },
  };
}
