import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import type { RunningProcess } from '../../stack/process.js';
import { eventually } from '../support/eventually.js';
import { startTestService, type TestService } from '../support/service.js';
import { databaseUrl, startWorkerIn } from '../support/taskFleet.js';
import { runPython } from '../support/tasks.js';

interface Explanation {
  task_id: string;
  state: string;
  reason: string;
  queue?: string;
  position?: number;
  depth?: number;
  consumers?: number;
  worker?: string;
  since?: string;
  eta?: string;
}

const DATABASE = 14;
const SLEEP = 'automation.sleep';

describe('GET /tasks/{task_id}/explain', function () {
  this.timeout(60_000);
  let url: string;
  let redis: Redis;
  let worker: RunningProcess;
  let service: TestService;
  before(async () => {
    url = databaseUrl(DATABASE);
    redis = new Redis(url);
    await redis.flushdb();
    worker = await startWorkerIn(url, 'one', '--prefetch-multiplier', '2');
    service = await startTestService({
      REDIS_URL: url,
      TASK_NAMESPACES: 'worker,automation',
      TASK_ROUTES: 'worker.lost=lost_queue,worker.*=worker_queue,automation.*=automation_queue',
    });
  });
  after(async () => {
    await service.close();
    await worker.stop();
    await redis.flushdb();
    redis.disconnect();
  });

  async function explain(taskId: string, of = service): Promise<Explanation> {
    const response = await of.get(`/tasks/${taskId}/explain`).expect(200);
    const body = response.body as Explanation;
    assert.equal(body.task_id, taskId);
    return body;
  }

  function explained(taskId: string, state: string): Promise<Explanation> {
    return eventually(`${taskId} is ${state}`, async () => {
      const body = await explain(taskId);
      return body.state === state ? body : undefined;
    });
  }

  async function send(options: object, name = SLEEP, params = '{"seconds": 0}'): Promise<string> {
    const input = JSON.stringify({ name, params, options });
    const [id = ''] = JSON.parse(
      await runPython('send_tasks', [], { input, redisUrl: url }),
    ) as string[];
    return id;
  }

  function assertNow(moment: string | undefined): void {
    assert.match(moment ?? '', /(Z|[+-]\d\d:\d\d)$/);
    assert.ok(Math.abs(Date.parse(moment ?? '') - Date.now()) < 20_000, moment);
  }

  it('follows tasks from their queue to their end', async () => {
    const running = await service.assign(SLEEP, { seconds: 4 });
    const started = await explained(running, 'running');
    assertNow(started.since);
    assert.deepEqual(
      { ...started, since: undefined },
      {
        task_id: running,
        state: 'running',
        reason: 'Runs on one@spec',
        worker: 'one@spec',
        queue: 'automation_queue',
        since: undefined,
      },
    );
    const taken = await service.assign(SLEEP, { seconds: 0 });
    const reserved = await explained(taken, 'reserved');
    assertNow(reserved.since);
    assert.deepEqual(
      { ...reserved, since: undefined },
      {
        task_id: taken,
        state: 'reserved',
        reason: 'one@spec has taken it and runs it when one of its processes is free',
        worker: 'one@spec',
        queue: 'automation_queue',
        since: undefined,
      },
    );
    const waiting = [];
    for (let count = 0; count < 3; count += 1) {
      waiting.push(await service.assign(SLEEP, { seconds: 0 }));
    }
    for (const [position, taskId] of waiting.entries()) {
      const place = ['as the next one', 'behind 1 other', 'behind 2 others'][position] ?? '';
      assert.deepEqual(await explain(taskId), {
        task_id: taskId,
        state: 'queued',
        reason: `Waits in automation_queue ${place}; 1 worker consumes it`,
        queue: 'automation_queue',
        position,
        depth: 3,
        consumers: 1,
      });
    }
    for (const taskId of [running, taken, ...waiting]) {
      const { reason, since } = await explained(taskId, 'succeeded');
      assert.equal(reason, 'Has succeeded; its result is there');
      assertNow(since);
    }
  });

  it('says that a queue has no consumer', async () => {
    const taskId = await service.assign('lost');
    assert.deepEqual(await explain(taskId), {
      task_id: taskId,
      state: 'queued',
      reason: 'Waits in lost_queue as the next one; no worker consumes it',
      queue: 'lost_queue',
      position: 0,
      depth: 1,
      consumers: 0,
    });
    await redis.del('lost_queue');
  });

  it('knows nothing of an id that was never assigned', async () => {
    const { state, reason, ...rest } = await explain('never-assigned');
    assert.equal(state, 'unknown');
    assert.match(reason, /^Neither a queue nor a worker that answers has it, /);
    assert.deepEqual(rest, { task_id: 'never-assigned' });
  });

  it('tells failed, revoked and expired apart', async () => {
    const failed = await service.assign('automation.fail', { what: 'one argument' });
    assert.equal((await explained(failed, 'failed')).reason, 'Has failed; its result says why');
    await service.post('/tasks/gone/revoke').expect(200);
    assert.match((await explained('gone', 'revoked')).reason, /^Was revoked, /);

    const running = await service.assign(SLEEP, { seconds: 5 });
    const taken = await service.assign(SLEEP, { seconds: 0 });
    await explained(running, 'running');
    await explained(taken, 'reserved');
    const late = await send({ expires: 0.5 });
    const body = await explained(late, 'expired');
    assert.match(body.reason, /^Expired at .*Z; the worker that takes it out of automation_queue/);
    assert.deepEqual([body.queue, body.position, body.depth], ['automation_queue', 0, 1]);
    const dropped = await eventually('it is dropped', async () => {
      const answer = await explain(late);
      return answer.queue === undefined ? answer : undefined;
    });
    assert.deepEqual(
      [dropped.state, dropped.reason],
      ['expired', 'Expired before its turn, so it was not run'],
    );
  });

  it('says for when a task is scheduled', async () => {
    const before = Date.now();
    const later = await send({ countdown: 600 });
    const body = await explained(later, 'scheduled');
    assert.deepEqual([body.worker, body.queue], ['one@spec', 'automation_queue']);
    const eta = Date.parse(body.eta ?? '');
    assert.ok(eta > before + 590_000 && eta < Date.now() + 600_000, body.eta);
    assert.equal(body.reason, `one@spec has taken it and waits for its time, ${body.eta}`);
    assertNow(body.since);

    const retried = await service.assign('automation.retry', {});
    const again = await explained(retried, 'scheduled');
    assert.match(again.reason, / has taken it and waits to try it again, /);
    assert.ok(Date.parse(again.eta ?? '') > before + 590_000);
    for (const taskId of [later, retried]) {
      await service.post(`/tasks/${taskId}/revoke`).send({ terminate: true }).expect(200);
    }
  });

  it('knows that a running task has it, where its worker does not answer', async () => {
    const running = await service.assign(SLEEP, { seconds: 5 });
    const taken = await service.assign(SLEEP, { seconds: 0 });
    await explained(running, 'running');
    await explained(taken, 'reserved');
    worker.send('SIGSTOP');
    try {
      const body = await explain(running);
      assert.equal(body.state, 'running');
      assert.match(body.reason, /^Was started by one@spec, which does not answer now; /);
      assert.equal(body.worker, 'one@spec');
      assertNow(body.since);
      const other = await explain(taken);
      assert.equal(other.state, 'reserved');
      assert.match(other.reason, /^A worker that does not answer now has taken it; /);
      assertNow(other.since);
    } finally {
      worker.send('SIGCONT');
    }
    await explained(taken, 'succeeded');
  });

  it('refuses a task id that is none', async () => {
    await service.get('/tasks/a%20b/explain').expect(400);
  });
});

describe('The search for a message', function () {
  this.timeout(120_000);
  let redis: Redis;
  let service: TestService;
  before(async () => {
    const url = databaseUrl(15);
    redis = new Redis(url);
    await redis.flushdb();
    service = await startTestService({ REDIS_URL: url, TASK_ROUTES: 'worker.*=deep_queue' });
  });
  beforeEach(() => redis.flushdb());
  after(async () => {
    await redis.flushdb();
    await service.close();
    redis.disconnect();
  });

  async function explain(taskId: string): Promise<Explanation> {
    return (await service.get(`/tasks/${taskId}/explain`).expect(200)).body as Explanation;
  }

  function message(id: string, more: object = {}, padding = 700): string {
    const headers = { lang: 'js', task: 'worker.a', id, ...more };
    return JSON.stringify({ body: 'x'.repeat(padding), headers, properties: {} });
  }

  async function fill(list: string, from: number, to: number): Promise<void> {
    for (let start = from; start < to; start += 1_000) {
      const count = Math.min(1_000, to - start);
      await redis.lpush(
        list,
        ...Array.from({ length: count }, (_, index) => message(`task-${start + index}`)),
      );
    }
  }

  it('counts messages of higher priority as served before', async () => {
    await fill('deep_queue', 0, 5);
    await fill('deep_queue\x06\x163', 5, 8);
    await fill('deep_queue\x06\x169', 8, 10);
    for (const [taskId, position] of [
      ['task-0', 0],
      ['task-4', 4],
      ['task-5', 5],
      ['task-9', 9],
    ] as const) {
      const { depth, ...body } = await explain(taskId);
      assert.deepEqual([body.position, depth, body.state], [position, 10, 'queued']);
    }
  });

  it('is not misled by messages that name the task otherwise', async () => {
    await redis.lpush(
      'deep_queue',
      message('child', { root_id: 'parent', parent_id: 'parent' }),
      message('nested', { own: { id: 'parent' } }),
      '"id":"parent"',
      'no JSON "id": "parent"',
      message('parent'),
    );
    assert.equal((await explain('parent')).position, 4);
    await redis.rpop('deep_queue', 3);
    await redis.lpop('deep_queue');
    assert.equal((await explain('parent')).state, 'unknown');
  });

  it('finds it among the first 10,000, and says so of deeper queues', async () => {
    await fill('deep_queue', 0, 25_000);
    for (const [taskId, position] of [
      ['task-0', 0],
      ['task-199', 199],
      ['task-200', 200],
      ['task-9999', 9_999],
    ] as const) {
      const body = await explain(taskId);
      assert.deepEqual([body.state, body.position, body.depth], ['queued', position, 25_000]);
    }
    const { state, reason, queue, depth } = await explain('task-24000');
    assert.deepEqual([state, queue, depth], ['unknown', 'deep_queue', 25_000]);
    assert.match(reason, /^Not among the first 10000 messages of deep_queue, which holds 25000; /);
  });

  it('keeps Redis answering, and this process, while many search deep queues', async () => {
    await fill('deep_queue', 0, 10_000);
    const ids = Array.from({ length: 40 }, (_, index) => `task-${9_999 - index}`);
    let isOver = false;
    const longest = { redis: 0, service: 0 };
    const probe = async () => {
      while (!isOver) {
        const start = performance.now();
        await redis.ping();
        longest.redis = Math.max(longest.redis, performance.now() - start);
        await service.get('/health/live').expect(200);
        longest.service = Math.max(longest.service, performance.now() - start);
      }
    };
    const probing = probe();
    const bodies = await Promise.all(ids.map(explain));
    isOver = true;
    await probing;
    assert.deepEqual(
      bodies.map(({ position }) => position),
      ids.map((_id, index) => 9_999 - index),
    );
    // In this process run the service, its clients and the probe.
    assert.ok(longest.redis < 250, `Redis: ${longest.redis} ms`);
    assert.ok(longest.service < 500, `the service: ${longest.service} ms`);
  });

  it('bears messages of a megabyte', async () => {
    for (let index = 0; index < 40; index += 1) {
      await redis.lpush('deep_queue', message(`large-${index}`, {}, 1024 * 1024));
    }
    assert.equal((await explain('large-39')).position, 39);
  });
});
