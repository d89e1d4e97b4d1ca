import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { startFlower, startWorker } from '../../stack/celery.js';
import { findFreePort } from '../../stack/ports.js';
import type { RunningProcess } from '../../stack/process.js';
import { startRedis, type RedisServer } from '../../stack/redis.js';
import { eventually } from '../support/eventually.js';
import { REPOSITORY, theFleet } from '../support/fleet.js';
import { samplesIn, sumIn } from '../support/metrics.js';
import { runPython } from '../support/tasks.js';
import { startServiceProcess, type ServiceProcess } from '../support/serviceProcess.js';
import { untilGone, workersOf } from '../support/workers.js';

/** How many tasks are assigned: more with OUTCOMES=10000, for which a worker needs a minute or two. */
const TOTAL = Number(process.env.OUTCOMES ?? 1_000);
const RETRIED = TOTAL / 20;
const FAILED = TOTAL / 10;
const COUNTS = {
  'shop.invoice': TOTAL - FAILED - RETRIED,
  'shop.fail': FAILED,
  'shop.retry': RETRIED,
};
const TASKS = Object.keys(COUNTS);
const LIST = TOTAL / 20;

/** Those that a worker takes too late. */
const EXPIRED = 25;

/** Celery's states by the events that tell them, as Flower counts them. */
const EVENTS = { SUCCESS: 'task-succeeded', FAILURE: 'task-failed', REVOKED: 'task-revoked' };

describe('The outcomes of tasks in the metrics', function () {
  this.timeout(300_000);
  let redis: RedisServer;
  let worker: RunningProcess;
  const running: { close: () => Promise<unknown> }[] = [];
  let flowerUrl: string;

  const celery = () => ({
    python: theFleet().python,
    workersFolder: `${REPOSITORY}spec/support/celery/examined`,
    redisUrl: redis.url,
    environment: process.env,
    variables: { SETTINGS: JSON.stringify({ tasks: TASKS }) },
  });
  const startOwnService = async (more: Readonly<Record<string, string>> = {}) => {
    const service = await startServiceProcess({
      ...{ REDIS_URL: redis.url, TASK_NAMESPACES: '*', TASK_QUEUE: 'shop', TASK_EVENTS: 'on' },
      ...more,
    });
    running.push(service);
    return service;
  };

  before(async () => {
    const { python } = theFleet().python;
    redis = await startRedis({ environment: process.env, python });
    // Without -E: it sends no events of tasks until it is told to.
    worker = await startWorker({ ...celery(), arguments: ['--pool', 'threads'], concurrency: 4 });
    const port = await findFreePort();
    const flower = await startFlower({ ...celery(), port });
    running.push({ close: () => flower.stop() });
    flowerUrl = `http://127.0.0.1:${port}`;
  });
  after(async () => {
    await Promise.all(running.map((one) => one.close()));
    await worker.stop();
    await redis.stop();
  });

  it('agree with Flower and with the results, though one of two instances is killed', async () => {
    const [lasting, killed] = await Promise.all([startOwnService(), startOwnService()]);
    await untilHeard(lasting);
    await assignAll([lasting, killed], () => {
      killed.process.send('SIGKILL');
    });
    const again = await startOwnService();
    const expected = { SUCCESS: TOTAL - FAILED, FAILURE: FAILED, REVOKED: EXPIRED };
    const text = await eventually(
      'the last event is counted',
      async () => {
        const now = await metricsOf(lasting);
        return sumIn(now, 'orchestrator_task_ends_total') === TOTAL + EXPIRED ? now : undefined;
      },
      200_000,
    );
    assert.deepEqual(await countStates(redis.url), expected);
    const flower = await eventually('Flower has the last event', async () => {
      const now = await (await fetch(`${flowerUrl}/metrics`)).text();
      return endsByFlower(now, undefined, 'SUCCESS') === TOTAL - FAILED ? now : undefined;
    });
    for (const [state, count] of Object.entries(expected)) {
      assert.equal(sumIn(text, 'orchestrator_task_ends_total', { state }), count);
      for (const task of TASKS) {
        const labels = { state, task_type: task };
        const ours = sumIn(text, 'orchestrator_task_ends_total', labels);
        assert.equal(ours, endsByFlower(flower, task, state), `${task} ${state}`);
      }
    }
    assert.equal(
      sumIn(text, 'orchestrator_task_retries_total', { task_type: 'shop.retry' }),
      RETRIED,
    );
    assert.equal(sumIn(text, 'orchestrator_task_run_seconds_count'), TOTAL);
    // The tasks that ran have been sent; that of one that was retried is told once.
    assert.equal(sumIn(text, 'orchestrator_task_wait_seconds_count'), TOTAL);
    assert.equal(sumIn(text, 'orchestrator_workers_online'), 1);
    assert.equal(sumIn(text, 'orchestrator_event_gaps_total'), 0);
    // The one that came later has counted no more than the one that was there all the time.
    const later = sumIn(await metricsOf(again), 'orchestrator_task_ends_total');
    assert.ok(later >= 0 && later <= TOTAL + EXPIRED, String(later));
  });

  it('are counted once by all processes of an instance, and say who consumes', async () => {
    const service = await startOwnService({ WEB_CONCURRENCY: '2' });
    await untilHeard(service);
    await assign(service, 'shop.invoice', 10);
    await eventually('the events are counted', async () => {
      const text = await metricsOf(service);
      return sumIn(text, 'orchestrator_task_ends_total', { state: 'SUCCESS' }) === 10 &&
        sumIn(text, 'orchestrator_queue_consumers', { queue: 'shop' }) === 1
        ? true
        : undefined;
    });
    const processes = await workersOf(service);
    assert.equal(processes.length, 2);
    process.kill(Math.min(...processes), 'SIGKILL');
    await untilGone([Math.min(...processes)]);
    await untilHeard(service);
    await assign(service, 'shop.invoice', 10);
    await eventually('those of the process in its place are counted too', async () => {
      const text = await metricsOf(service);
      return sumIn(text, 'orchestrator_task_ends_total', { state: 'SUCCESS' }) === 20
        ? true
        : undefined;
    });
    await service.close();
  });

  it('are told of a worker that starts later, without -E too', async () => {
    const service = await startOwnService();
    await untilHeard(service);
    const more = { ...celery(), arguments: ['--pool', 'solo', '--hostname', 'later@spec'] };
    const later = await startWorker({ ...more, concurrency: 1 });
    await eventually('it is told to send events', async () => {
      const text = await runPython('celery_tools', ['inspect', 'stats'], { redisUrl: redis.url });
      return text.includes('later@spec') ? true : undefined;
    });
    await worker.stop();
    await eventually('the other one is gone', async () => {
      const text = await metricsOf(service);
      return sumIn(text, 'orchestrator_workers_online') === 1 ? true : undefined;
    });
    await assign(service, 'shop.invoice', 10);
    await eventually('its tasks are counted', async () => {
      const text = await metricsOf(service);
      return sumIn(text, 'orchestrator_task_ends_total', { state: 'SUCCESS' }) === 10
        ? true
        : undefined;
    });
    await later.stop();
    worker = await startWorker({ ...celery(), arguments: ['--pool', 'threads'], concurrency: 4 });
  });

  it('are not there unless they are asked for', async () => {
    const service = await startOwnService({ TASK_EVENTS: '' });
    const names = samplesIn(await metricsOf(service)).map(({ name }) => name);
    assert.deepEqual(
      names.filter((name) => /task_ends|workers_online|consumers/.test(name)),
      [],
    );
  });

  /** It hears the worker, which is told to send events as soon as it is heard. */
  async function untilHeard(service: ServiceProcess): Promise<void> {
    await eventually('the worker is heard', async () => {
      const text = await metricsOf(service);
      return sumIn(text, 'orchestrator_workers_online') === 1 ? true : undefined;
    });
  }

  async function assignAll(services: readonly ServiceProcess[], halfway: () => void) {
    const lists = Object.entries(COUNTS).flatMap(([task, count]) =>
      Array.from({ length: count / LIST }, () => task),
    );
    for (const [index, task] of lists.entries()) {
      if (index === Math.floor(lists.length / 2)) {
        halfway();
      }
      // From then on, the one that is left takes all.
      const service = index < lists.length / 2 ? services[index % services.length] : services[0];
      assert.ok(service);
      await assign(service, task, LIST);
    }
    const [service] = services;
    assert.ok(service);
    await assign(service, 'shop.invoice', EXPIRED, { expires: 1 });
  }
});

async function assign(
  { url }: ServiceProcess,
  task: string,
  count: number,
  options?: object,
): Promise<void> {
  const response = await fetch(`${url}/assign-tasks/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(Array(count).fill({ task_type: task, options })),
  });
  assert.equal(response.status, 200, await response.text());
}

async function metricsOf({ url }: ServiceProcess): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}

function endsByFlower(text: string, task: string | undefined, state: string): number {
  const type = EVENTS[state as keyof typeof EVENTS];
  const sum = sumIn(text, 'flower_events_total', { type, ...(task !== undefined && { task }) });
  return Number.isNaN(sum) ? 0 : sum;
}

/** How many results in Redis are in each state. */
async function countStates(url: string): Promise<Record<string, number>> {
  const redis = new Redis(url);
  try {
    const keys = await redis.keys('celery-task-meta-*');
    const values = keys.length === 0 ? [] : await redis.mget(keys);
    const states: Record<string, number> = {};
    for (const value of values) {
      const { status } = JSON.parse(value ?? '{}') as { status: string };
      states[status] = (states[status] ?? 0) + 1;
    }
    return states;
  } finally {
    redis.disconnect();
  }
}
