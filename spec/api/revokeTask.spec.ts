import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import type { RunningProcess } from '../../stack/process.js';
import { eventually } from '../support/eventually.js';
import { startTestService, type TestService } from '../support/service.js';
import { databaseUrl, startWorkerIn } from '../support/taskFleet.js';
import { readResult, resultOf } from '../support/tasks.js';

interface RevokeBody {
  task_id: string;
  workers: number;
  message: string;
}

const DATABASE = 11;
const SLEEP = 'automation.sleep';

describe('POST /tasks/{task_id}/revoke', function () {
  this.timeout(60_000);
  let redis: Redis;
  let worker: RunningProcess;
  let service: TestService;
  before(async () => {
    redis = new Redis(databaseUrl(DATABASE));
    await redis.flushdb();
    // One task runs, one more is taken, and the others wait in their queue.
    worker = await startWorkerIn(databaseUrl(DATABASE), 'one', '--prefetch-multiplier', '2');
    service = await startTestService({
      REDIS_URL: databaseUrl(DATABASE),
      TASK_NAMESPACES: 'worker,automation',
    });
  });
  after(async () => {
    await service.close();
    await worker.stop();
    redis.disconnect();
  });

  async function revoke(taskId: string, body?: object, of = service): Promise<RevokeBody> {
    const request = of.post(`/tasks/${taskId}/revoke`);
    return (await (body === undefined ? request : request.send(body)).expect(200))
      .body as RevokeBody;
  }

  async function untilRuns(taskId: string): Promise<void> {
    await resultOf(service, taskId, ({ state }) => state === 'STARTED');
  }

  /** A task of whose turn everything before has been passed. */
  async function untilPassed(): Promise<void> {
    const { status } = await resultOf(service, await service.assign('automation.echo', {}));
    assert.equal(status, 'completed');
  }

  /** A worker acknowledges a message after it has stored the result. */
  async function untilAcknowledged(): Promise<void> {
    await eventually('nothing is unacknowledged', async () =>
      (await redis.hlen('unacked')) === 0 ? true : undefined,
    );
  }

  it('keeps a task from starting that waits in its queue, and one that a worker has taken', async () => {
    const running = await service.assign(SLEEP, { seconds: 3 });
    await untilRuns(running);
    const taken = await service.assign(SLEEP, { seconds: 0 });
    const queued = await service.assign(SLEEP, { seconds: 0 });
    await eventually('one is taken, one waits', async () => {
      const [unacknowledged, waiting] = [
        await redis.hlen('unacked'),
        await redis.llen('automation_queue'),
      ];
      return (unacknowledged === 2 && waiting === 1) || undefined;
    });
    for (const taskId of [taken, queued]) {
      const body = await revoke(taskId);
      assert.deepEqual(
        { ...body, timestamp: undefined },
        {
          task_id: taskId,
          workers: 1,
          message: '1 worker will not start the task; if it runs already, it goes on',
          timestamp: undefined,
        },
      );
    }
    await untilPassed();
    assert.equal((await readResult(service, running)).status, 'completed');
    for (const taskId of [taken, queued]) {
      const { status, state, error } = await readResult(service, taskId);
      assert.deepEqual(
        { status, state, error },
        { status: 'failed', state: 'REVOKED', error: 'revoked' },
      );
    }
    await untilAcknowledged();
  });

  it('lets a running task go on, and ends it with terminate', async () => {
    const kept = await service.assign(SLEEP, { seconds: 1 });
    await untilRuns(kept);
    await revoke(kept, { terminate: false });
    assert.equal((await resultOf(service, kept)).status, 'completed');

    const ended = await service.assign(SLEEP, { seconds: 60 });
    await untilRuns(ended);
    const { workers, message } = await revoke(ended, { terminate: true });
    assert.equal(workers, 1);
    assert.equal(message, '1 worker will not start the task; one@spec had it and ends it');
    const { status, state, error } = await resultOf(service, ended);
    assert.deepEqual(
      { status, state, error },
      { status: 'failed', state: 'REVOKED', error: 'terminated' },
    );
    await untilPassed();
    assert.equal((await readResult(service, ended)).state, 'REVOKED');
    await untilAcknowledged();
  });

  for (const signal of ['SIGTERM', 'SIGKILL', 'SIGQUIT', 'SIGHUP', 'SIGUSR1']) {
    it(`ends a running task by ${signal}`, async () => {
      const taskId = await service.assign(SLEEP, { seconds: 60 });
      await untilRuns(taskId);
      await revoke(taskId, { terminate: true, signal });
      const { status, state } = await resultOf(service, taskId);
      assert.equal(status, 'failed');
      // SIGUSR1 raises an exception in the task, which may store it after that.
      assert.ok(state === 'REVOKED' || (state === 'FAILURE' && signal === 'SIGUSR1'), state);
      // Its process is free again.
      await untilPassed();
      assert.equal((await readResult(service, taskId)).status, 'failed');
      await untilAcknowledged();
    });
  }

  it('leaves a finished task as it is', async () => {
    const taskId = await service.assign('automation.echo', { a: 1 });
    await resultOf(service, taskId);
    const { workers, message } = await revoke(taskId, { terminate: true });
    assert.deepEqual([workers, message], [1, '1 worker will not start the task']);
    const { status, result } = await readResult(service, taskId);
    assert.deepEqual({ status, result }, { status: 'completed', result: { a: 1 } });
  });

  it('marks an id that was never assigned, and may be repeated', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      assert.equal((await revoke('never-assigned')).workers, 1);
      const { state, error } = await resultOf(service, 'never-assigned');
      assert.deepEqual([state, error], ['REVOKED', 'revoked']);
    }
  });

  for (const [what, type, text] of [
    ['no body', undefined, undefined],
    ['an empty body of any type', 'application/x-www-form-urlencoded', ''],
    ['an empty object', 'application/json', '{}'],
  ] as const) {
    it(`takes ${what}`, async () => {
      const request = service.post('/tasks/some-task/revoke');
      await (type === undefined ? request : request.set('Content-Type', type).send(text)).expect(
        200,
      );
    });
  }

  it('hears many at once', async () => {
    const ids = Array.from({ length: 100 }, (_, index) => `many-${index}`);
    const bodies = await Promise.all(ids.map((id) => revoke(id)));
    assert.ok(bodies.every(({ workers }) => workers === 1));
  });

  for (const [what, text, pointer] of [
    ['an unknown member', '{"force": true}', '/force'],
    ['a signal that is none', '{"terminate": true, "signal": "SIGSTOP"}', '/signal'],
    ['a signal that workers ignore', '{"terminate": true, "signal": "SIGINT"}', '/signal'],
    ['a text for terminate', '{"terminate": "yes"}', '/terminate'],
    ['null', 'null', ''],
    ['a list', '[]', ''],
    ['no JSON', '{', ''],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const response = await service
        .post('/tasks/some-task/revoke')
        .set('Content-Type', 'application/json')
        .send(text)
        .expect(400);
      const { details } = response.body as { details: { errors: { pointer: string }[] } };
      assert.deepEqual(
        details.errors.map((fault) => fault.pointer),
        [pointer],
      );
    });
  }

  it('refuses a task id that is none', async () => {
    await service.post('/tasks/a%20b/revoke').expect(400);
  });
});

describe('A revoke that no worker can hear now', function () {
  this.timeout(60_000);
  const url = databaseUrl;

  it('says so where none runs, and the task runs when one starts', async () => {
    const redis = new Redis(url(12));
    await redis.flushdb();
    const service = await startTestService({ REDIS_URL: url(12) });
    const taskId = await service.assign('health_check');
    const body = (await service.post(`/tasks/${taskId}/revoke`).expect(200)).body as RevokeBody;
    assert.equal(body.workers, 0);
    assert.equal(
      body.message,
      'No worker was listening, so nothing was revoked; if the task is queued, it will run',
    );
    const worker = await startWorkerIn(url(12), 'later');
    assert.equal((await resultOf(service, taskId)).status, 'completed');
    await worker.stop();
    await service.close();
    redis.disconnect();
  });

  it('says so of a worker whose pool can end no task, and the task goes on', async () => {
    const redis = new Redis(url(13));
    await redis.flushdb();
    const worker = await startWorkerIn(url(13), 'threads', '--pool', 'threads');
    const service = await startTestService({
      REDIS_URL: url(13),
      TASK_NAMESPACES: 'worker,automation',
    });
    try {
      const running = await service.assign(SLEEP, { seconds: 2 });
      await resultOf(service, running, ({ state }) => state === 'STARTED');
      const response = await service
        .post(`/tasks/${running}/revoke`)
        .send({ terminate: true })
        .expect(200);
      const { workers, message } = response.body as RevokeBody;
      assert.deepEqual(
        [workers, message],
        [1, '1 worker will not start the task; threads@spec could not end it'],
      );
      assert.equal((await resultOf(service, running)).status, 'completed');
      const line = service.lines.find(({ fields }) => 'unable' in fields);
      assert.match(JSON.stringify(line?.fields.unable), /NotImplementedError/);
    } finally {
      await service.close();
      await worker.stop();
      redis.disconnect();
    }
  });

  it('says so of a worker that is busy, which hears it later', async () => {
    const redis = new Redis(url(13));
    await redis.flushdb();
    const worker = await startWorkerIn(url(13), 'solo', '--pool', 'solo');
    const service = await startTestService({
      REDIS_URL: url(13),
      TASK_NAMESPACES: 'worker,automation',
    });
    const running = await service.assign(SLEEP, { seconds: 3 });
    await resultOf(service, running, ({ state }) => state === 'STARTED');
    const body = (await service.post('/tasks/other/revoke').expect(200)).body as RevokeBody;
    assert.deepEqual(
      [body.workers, body.message],
      [0, '1 worker that has not answered in time will hear it when free, which may be too late'],
    );
    assert.equal((await resultOf(service, 'other')).state, 'REVOKED');
    await service.close();
    await worker.stop();
    redis.disconnect();
  });
});
