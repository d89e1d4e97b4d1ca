import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../stack/redis.js';
import type { RunningProcess } from '../../stack/process.js';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';
import { databaseUrl, startWorkerIn, startWorkerWith } from '../support/taskFleet.js';
import { resultOf, runPython } from '../support/tasks.js';
import { inspect, type Stats } from '../support/workerInspection.js';

/** Processes, and messages that each takes ahead. */
const TWO = ['--autoscale', '2,2', '--prefetch-multiplier', '4'];

interface WorkerStatus {
  hostname: string;
  celery_version: string | null;
  pool: string | null;
  concurrency: number | null;
  prefetch_count: number | null;
  active: number | null;
  reserved: number | null;
  scheduled: number | null;
  processed: number | null;
  uptime_seconds: number | null;
  load_average: number[] | null;
  peak_rss_kilobytes: number | null;
  queues: string[];
  last_heartbeat: string | null;
}

interface WorkerList {
  workers: WorkerStatus[];
  listeners: number;
}

async function list(service: TestService): Promise<WorkerList> {
  return (await service.get('/workers/').expect(200)).body as WorkerList;
}

/** Waits for what is true of a worker, whose answer is kept for some seconds. */
function untilWorker(
  service: TestService,
  hostname: string,
  what: string,
  accept: (worker: WorkerStatus) => boolean,
): Promise<WorkerStatus> {
  return eventually(what, async () => {
    const { workers } = await list(service);
    return workers.find((worker) => worker.hostname === hostname && accept(worker));
  });
}

describe('GET /workers/', function () {
  this.timeout(60_000);
  let redis: RedisServer;
  let service: TestService;
  let one: RunningProcess;
  let threads: RunningProcess;
  before(async () => {
    redis = await startRedis({ environment: process.env, python: theFleet().python.python });
    service = await startTestService({
      REDIS_URL: redis.url,
      TASK_NAMESPACES: 'worker,automation',
      TASK_ROUTES: 'worker.*=worker_queue,automation.*=one_queue',
    });
  });
  after(async () => {
    await service.close();
    await Promise.all([one, threads].map((worker) => worker.stop()));
    await redis.stop();
  });

  it('is empty, at once, where no worker runs', async () => {
    const fresh = await startTestService({ REDIS_URL: redis.url });
    const start = performance.now();
    const { workers, listeners } = await list(fresh);
    const took = performance.now() - start;
    await fresh.close();
    assert.deepEqual({ workers, listeners }, { workers: [], listeners: 0 });
    assert.ok(took < 500, `took ${took} ms`);
  });

  it('tells of each worker what Celery’s own `inspect stats` does', async () => {
    [one, threads] = await Promise.all([
      startWorkerIn(redis.url, 'one', '--queues', 'one_queue,b_queue', ...TWO),
      startWorkerIn(redis.url, 'threads', '--queues', 'worker_queue', '--pool', 'threads'),
    ]);
    const taskId = await service.assign('automation.echo', { a: 1 });
    await resultOf(service, taskId);
    const fresh = await startTestService({ REDIS_URL: redis.url });
    const { workers, listeners } = await list(fresh);
    await fresh.close();
    const stats = await inspect<Stats>(redis.url, ['stats']);
    assert.equal(listeners, 2);
    assert.deepEqual(
      workers.map(({ hostname, pool, concurrency, queues }) => ({
        ...{ hostname, pool, concurrency, queues },
      })),
      [
        { hostname: 'one@spec', pool: 'prefork', concurrency: 2, queues: ['b_queue', 'one_queue'] },
        { hostname: 'threads@spec', pool: 'threads', concurrency: 1, queues: ['worker_queue'] },
      ],
    );
    for (const worker of workers) {
      const theirs = stats[worker.hostname];
      assert.ok(theirs !== undefined);
      assert.equal(worker.prefetch_count, theirs.prefetch_count);
      assert.deepEqual([worker.active, worker.reserved, worker.scheduled], [0, 0, 0]);
      const total = Object.values(theirs.total).reduce((sum, count) => sum + count, 0);
      assert.equal(worker.processed, total);
      assert.equal(worker.processed, worker.hostname === 'one@spec' ? 1 : 0);
      const older = theirs.uptime - Number(worker.uptime_seconds);
      assert.ok(older >= 0 && older < 10, `${older} s`);
      const peak = Number(worker.peak_rss_kilobytes);
      assert.ok(peak > 10_000 && peak <= theirs.rusage.maxrss, `${peak} kB`);
      // Nothing has listened to heartbeats before the first request.
      assert.deepEqual(
        [worker.celery_version, worker.load_average, worker.last_heartbeat],
        [null, null, null],
      );
    }
  });

  it('tells what heartbeats do, after the first request', async () => {
    const version = (await runPython('celery', ['--version'], { redisUrl: redis.url })).split(
      ' ',
    )[0];
    for (const hostname of ['one@spec', 'threads@spec']) {
      const worker = await untilWorker(
        ...[service, hostname, 'a heartbeat'],
        ({ last_heartbeat }) => last_heartbeat !== null,
      );
      assert.equal(worker.celery_version, version);
      assert.equal(worker.load_average?.length, 3);
      const age = Date.now() - Date.parse(String(worker.last_heartbeat));
      assert.ok(age >= 0 && age < 3_000, `${age} ms`);
    }
  });

  it('counts the tasks that run, that wait in the worker, and that wait for their time', async () => {
    const seconds = { seconds: 6 };
    const ids = [];
    for (const [index] of Array(5).entries()) {
      ids.push(await service.assign('automation.sleep', index < 2 ? seconds : { seconds: 0 }));
    }
    await service
      .post('/assign-task/')
      .send({ task_type: 'automation.echo', params: {}, options: { countdown: 100 } })
      .expect(200);
    const worker = await untilWorker(
      ...[service, 'one@spec', 'two that run, three that wait'],
      ({ active, reserved, scheduled }) => active === 2 && reserved === 3 && scheduled === 1,
    );
    assert.equal(worker.concurrency, 2);
    await Promise.all(ids.map((id) => resultOf(service, id)));
  });

  it('keeps its answer for three seconds, and listens only for those who ask', async () => {
    const client = new Redis(redis.url);
    const channel = '/0.celeryev/worker.heartbeat';
    const subscribers = async () => Number((await client.pubsub('NUMSUB', channel))[1]);
    const before = await subscribers();
    const fresh = await startTestService({ REDIS_URL: redis.url });
    await fresh.get('/tasks/').expect(200);
    assert.equal(await subscribers(), before);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => fresh.get('/workers/').expect(200)),
    );
    assert.ok(answers.every(({ headers }) => headers.age === '0'));
    await eventually('it listens', async () => (await subscribers()) === before + 1 || undefined);
    await eventually('an answer of a second ago', async () => {
      const { headers } = await fresh.get('/workers/').expect(200);
      return headers.age === '1' || undefined;
    });
    await fresh.close();
    await eventually('it has left', async () => (await subscribers()) === before || undefined);
    client.disconnect();
  });

  it('waits a second for a worker that hangs, and counts it among those that listen', async () => {
    threads.send('SIGSTOP');
    const fresh = await startTestService({ REDIS_URL: redis.url });
    try {
      const start = performance.now();
      const { workers, listeners } = await list(fresh);
      const took = performance.now() - start;
      assert.ok(took > 900 && took < 2_000, `took ${took} ms`);
      assert.deepEqual(
        workers.map(({ hostname }) => hostname),
        ['one@spec'],
      );
      assert.equal(listeners, 2);
    } finally {
      threads.send('SIGCONT');
      await fresh.close();
    }
  });

  it('is a 500 while Redis is away, and hears heartbeats again when it is back', async () => {
    await redis.kill();
    const answer = await eventually('it fails', async () => {
      const response = await service.get('/workers/');
      return response.status === 500 ? response : undefined;
    });
    const { code, message } = answer.body as { code: string; message: string };
    assert.equal(code, 'broker_unavailable');
    assert.match(message, /^The workers could not be asked: the message broker /);
    await redis.restart();
    // A worker that scales by itself ends without its Redis.
    const since = Date.now();
    await untilWorker(
      ...[service, 'threads@spec', 'a new heartbeat'],
      ({ last_heartbeat }) => Date.parse(last_heartbeat ?? '') > since,
    );
  });
});

describe('GET /workers/ with a key prefix', function () {
  this.timeout(60_000);

  it('asks the workers of that prefix, and hears their heartbeats', async () => {
    const url = databaseUrl(11);
    const prefix = 'fleet:';
    const worker = await startWorkerWith(
      ...([url, 'prefixed'] as const),
      { TRANSPORT_OPTIONS: JSON.stringify({ global_keyprefix: prefix }) },
      ...['--include', 'transport_options'],
    );
    const service = await startTestService({
      REDIS_URL: url,
      CELERY_BROKER_GLOBAL_KEYPREFIX: prefix,
    });
    const other = await startTestService({ REDIS_URL: url });
    try {
      await untilWorker(
        ...[service, 'prefixed@spec', 'a heartbeat'],
        ({ last_heartbeat, pool }) => last_heartbeat !== null && pool === 'prefork',
      );
      assert.deepEqual((await list(other)).workers, []);
    } finally {
      await service.close();
      await other.close();
      await worker.stop();
    }
  });
});
