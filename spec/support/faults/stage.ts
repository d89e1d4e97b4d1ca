import { Redis } from 'ioredis';
import { findFreePort } from '../../../stack/ports.js';
import { startRedis, type RedisServer } from '../../../stack/redis.js';
import { withReleasers, type Release } from '../../../stack/releasers.js';
import { httpStatus } from '../../../stack/wait.js';
import { eventually } from '../eventually.js';
import { theFleet } from '../fleet.js';
import { launchService, type ServiceProcess } from '../serviceProcess.js';
import { send } from './load.js';

/** What a scenario plays with. All of it is gone when the scenario is over. */
export interface Stage {
  redis: RedisServer;
  /** A client of `redis` for the scenario's own commands. */
  control: Redis;
  /**
   * Starts the service as a process of its own, with `redis` unless `environment` says otherwise, and
   * waits until it is ready, or answers at `readyPath`.
   */
  service: (
    environment?: Readonly<Record<string, string>>,
    readyPath?: string,
  ) => Promise<ServiceProcess>;
  releaseLater: (release: Release) => void;
}

/** Starts a Redis of its own, and lets the scenario `act` with it. */
export async function onStage(
  act: (stage: Stage) => Promise<void>,
  redisArguments: readonly string[] = [],
): Promise<void> {
  await withReleasers(async (releaseLater) => {
    const redis = await startOwnRedis(releaseLater, redisArguments);
    const service: Stage['service'] = async (environment = {}, readyPath = '/health/ready') => {
      const started = await startReadyService({ REDIS_URL: redis.url, ...environment }, readyPath);
      releaseLater(started.close);
      return started;
    };
    const control = openControl(redis.url, releaseLater);
    await act({ redis, control, service, releaseLater });
  });
}

export async function startOwnRedis(
  releaseLater: Stage['releaseLater'],
  redisArguments: readonly string[],
): Promise<RedisServer> {
  const redis = await startRedis({
    environment: process.env,
    python: theFleet().python.python,
    arguments: redisArguments,
  });
  releaseLater(redis.stop);
  return redis;
}

export function openControl(redisUrl: string, releaseLater: Stage['releaseLater']): Redis {
  const control = new Redis(redisUrl);
  control.on('error', () => {
    // A scenario that kills Redis expects this; the client connects again by itself.
  });
  releaseLater(() => {
    control.disconnect();
    return Promise.resolve();
  });
  return control;
}

/**
 * Starts the service and waits until it answers with 200 at `readyPath`. It logs warnings only: reading a
 * line for each request would slow down the load that this process makes.
 */
export async function startReadyService(
  environment: Readonly<Record<string, string>>,
  readyPath: string,
): Promise<ServiceProcess> {
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;
  const launched = await launchService({
    FASTAPI_PORT: String(port),
    LOG_LEVEL: 'WARNING',
    ...environment,
  });
  let ended = false;
  void launched.process.exited.then(() => {
    ended = true;
  });
  try {
    await eventually('the service is ready', async () => {
      if (ended) {
        throw new Error('The service has ended');
      }
      return (await httpStatus(`${url}${readyPath}`)) === 200 ? true : undefined;
    });
  } catch (error) {
    const output = launched.process.output().join('\n');
    await launched.close();
    throw new Error(`The service does not get ready:\n${output}`, { cause: error });
  }
  return { ...launched, url };
}

/**
 * Waits until nothing is on its way into the queue any more: each service has Redis back and is answered
 * on the connection that it has now, and the queue has stood still for half a second, in which Redis has
 * long read what the connections before it have left.
 */
export async function untilSettled(redisUrl: string, services: readonly string[]): Promise<void> {
  for (const url of services) {
    let attempt = 0;
    await eventually(
      `${url} assigns again`,
      async () => {
        attempt += 1;
        const answer = await send({ url, marker: `settled ${url} ${attempt}` });
        return answer.status === 200 ? true : undefined;
      },
      20_000,
    );
  }
  const client = new Redis(redisUrl);
  try {
    let length = -1;
    let since = performance.now();
    await eventually('the queue stands still', async () => {
      const now = await client.llen('worker_queue');
      if (now !== length) {
        [length, since] = [now, performance.now()];
      }
      return performance.now() - since > 500 ? true : undefined;
    });
  } finally {
    client.disconnect();
  }
}
