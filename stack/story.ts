import { join } from 'node:path';

import { chooseKey } from './apiKey.js';
import { startFlower, startWorker } from './celery.js';
import { demonstrateTask } from './demonstration.js';
import { QuickstartError } from './failure.js';
import { assertPortFree, readPort } from './ports.js';
import { endedError } from './process.js';
import type { RunningProcess } from './process.js';
import { preparePython } from './python.js';
import { assertRedisAnswers, maskPassword } from './redisConnection.js';
import { startRedis } from './redis.js';
import type { Release } from './releasers.js';
import type { Report } from './report.js';
import { startService } from './service.js';

const EXAMPLE_REQUEST = {
  task_type: 'approve_batches',
  params: { batch_ids: ['B-1001', 'B-1002', 'B-1003'], auto_approve: true },
};

/** What the fleet started here has: a `.env` for another one must not say otherwise. */
const THE_WORKERS_OWN = {
  CELERY_BROKER_GLOBAL_KEYPREFIX: '',
  CELERY_RESULT_GLOBAL_KEYPREFIX: '',
  CELERY_BROKER_PRIORITY_STEPS: '',
  CELERY_BROKER_SEP: '',
  REDIS_WAIT_REPLICAS: '',
};

export interface StoryOptions {
  projectFolder: string;
  environment: NodeJS.ProcessEnv;
  report: Report;
  /** Hands over what to undo, last in first out, when the story is over. */
  releaseLater: (release: Release) => void;
  /** Called when a process ends that should go on; ought to abort `signal`. */
  fail: (error: Error) => void;
  signal: AbortSignal;
}

/**
 * Starts everything, in the order in which each depends on the one before, and shows one task;
 * resolves to a text that says what there is to try.
 * Throws a QuickstartError that names the way out, or the signal's reason when that is aborted.
 */
export async function tellStory(options: StoryOptions): Promise<string> {
  const { projectFolder, environment, report, signal } = options;
  const workersFolder = join(projectFolder, 'workers-py');
  const { say, step } = report;
  const keep = (running: RunningProcess): void => {
    keepRunning(running, options);
  };

  // What needs no minute to be found wanting comes first.
  const ports = await choosePorts(environment);
  const chosenRedis = await chooseRedis(environment);
  const key = chooseKey(environment, projectFolder);
  const serviceUrl = `http://127.0.0.1:${ports.service}`;
  const flowerUrl = `http://127.0.0.1:${ports.flower}`;

  const python = await step(
    () => preparePython({ folder: workersFolder, environment, say, signal }),
    ({ version }) => `Python ${version}, virtual environment ready`,
  );
  const redisUrl = await step(
    async () => chosenRedis ?? (await openRedis(options, python.python)),
    (url) => `Redis at ${maskPassword(url)}`,
  );
  const celery = { python, workersFolder, environment, redisUrl, signal };
  await step(
    async () => {
      keep(await startWorker({ ...celery, arguments: ['--task-events'] }));
    },
    () => 'Celery worker ready',
  );
  await step(
    async () => {
      keep(await startFlower({ ...celery, port: ports.flower }));
    },
    () => `Flower at ${flowerUrl}`,
  );
  const service = {
    ...{ projectFolder, redisUrl, port: ports.service, signal },
    environment: { ...environment, ...THE_WORKERS_OWN, ...key.variables },
  };
  await step(
    async () => {
      keep(await startService(service));
    },
    () => `Service at ${serviceUrl}`,
  );
  const result = await step(
    () =>
      demonstrateTask({
        ...{ serviceUrl, say, signal },
        request: EXAMPLE_REQUEST,
        headers: key.headers,
      }),
    () => 'Task completed',
  );
  report.print(`\n${JSON.stringify(result, undefined, 2)}\n`);
  return describeAddresses(serviceUrl, flowerUrl, 'x-api-key' in key.headers);
}

async function choosePorts(
  environment: NodeJS.ProcessEnv,
): Promise<{ service: number; flower: number }> {
  const service = readPort(environment, 'FASTAPI_PORT', 8000);
  const flower = readPort(environment, 'FLOWER_PORT', 5555);
  if (service === flower) {
    throw new QuickstartError(`FASTAPI_PORT and FLOWER_PORT are both ${service}.`);
  }
  await assertPortFree(service, 'FASTAPI_PORT');
  await assertPortFree(flower, 'FLOWER_PORT');
  return { service, flower };
}

async function chooseRedis(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  // Never a guess such as localhost:6379: there the worker would take tasks out of a stranger's queue.
  const url = environment.REDIS_URL?.trim();
  if (!url) return undefined;
  await assertRedisAnswers(url);
  return url;
}

async function openRedis(options: StoryOptions, python: string): Promise<string> {
  const { environment, signal } = options;
  const redis = await startRedis({ environment, python, signal });
  keepRunning(redis.process(), options, redis.stop);
  return redis.url;
}

function keepRunning(
  running: RunningProcess,
  { releaseLater, report, fail }: StoryOptions,
  stop: Release = () => running.stop(),
): void {
  void running.exited.then((end) => {
    fail(endedError(running, end, 'while it was needed'));
  });
  releaseLater(() => {
    report.say(`Stopping ${running.name}`);
    return stop();
  });
}

function describeAddresses(serviceUrl: string, flowerUrl: string, needsKey: boolean): string {
  const header = needsKey ? " -H 'x-api-key: KEY'" : '';
  return `Try it:
  API      ${serviceUrl}
  Console  ${serviceUrl}/console
  Docs     ${serviceUrl}/docs
  ReDoc    ${serviceUrl}/redoc
  Health   ${serviceUrl}/health
  Flower   ${flowerUrl}
  Log      logs/automation.log

  curl -X POST ${serviceUrl}/assign-task/${header} -H 'content-type: application/json' \\
    -d '{"task_type":"test_task","params":{"duration":5}}'
  curl ${serviceUrl}/result/TASK_ID${header}
`;
}
