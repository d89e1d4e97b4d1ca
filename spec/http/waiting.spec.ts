import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { openConnection } from '../support/connection.js';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';
import { publishState, subscribersOf } from '../support/states.js';
import { readResult, runPython, type ResultBody } from '../support/tasks.js';

describe('GET /result/{task_id}?wait', () => {
  let service: TestService;
  let redis: Redis;
  let last = 0;
  const newId = (): string => `waiting-${process.pid}-${(last += 1)}`;
  before(async () => {
    service = await startTestService({ TASK_NAMESPACES: 'worker,automation' });
    redis = new Redis(theFleet().redis.url);
  });
  after(async () => {
    redis.disconnect();
    await service.close();
  });

  const waitFor = async (id: string, seconds: number | string, from = service) => {
    const start = performance.now();
    const response = await from.get(`/result/${id}?wait=${seconds}`).expect(200);
    return { body: response.body as ResultBody, milliseconds: performance.now() - start };
  };

  it('answers when a real task has ended, whatever it reports until then', async () => {
    const id = await service.assign('test_task', { duration: 1, steps: 5 });
    const { body, milliseconds } = await waitFor(id, 20);
    assert.equal(body.status, 'completed');
    assert.ok(milliseconds < 10_000, `after ${milliseconds} ms`);
    const now = await readResult(service, id);
    assert.deepEqual({ ...body, timestamp: '' }, { ...now, timestamp: '' });
  });

  it('answers failed for a task that raises, and for one that is revoked', async () => {
    const failing = await service.assign('automation.fail', { kind: 'one argument' });
    assert.equal((await waitFor(failing, 20)).body.status, 'failed');
    const sleeping = await service.assign('automation.sleep', { seconds: 20 });
    const waiting = waitFor(sleeping, 20);
    await runPython('revoke', [sleeping]);
    assert.equal((await waiting).body.state, 'REVOKED');
  });

  it('answers within milliseconds of what a worker stores', async () => {
    const id = newId();
    const waiting = waitFor(id, 20);
    await subscribersOf(redis, id, 1);
    await publishState(redis, id, { status: 'STARTED', result: null });
    await publishState(redis, id, { status: 'SUCCESS', result: 7 });
    const storedAt = performance.now();
    assert.equal((await waiting).body.result, 7);
    assert.ok(performance.now() - storedAt < 500);
    await subscribersOf(redis, id, 0);
  });

  it('answers at once for a task that has ended, and listens to nothing for it', async () => {
    const own = await startTestService({ CELERY_RESULT_GLOBAL_KEYPREFIX: 'ended' });
    const before = await countSubscribers(redis);
    const id = newId();
    await publishState(redis, id, { status: 'SUCCESS', result: 1 }, 'ended_');
    assert.equal((await waitFor(id, 20, own)).body.result, 1);
    assert.equal(await countSubscribers(redis), before);
    await own.close();
  });

  it('hears under the key prefix of the result backend', async () => {
    const own = await startTestService({ CELERY_RESULT_GLOBAL_KEYPREFIX: 'fleet' });
    const id = newId();
    const waiting = waitFor(id, 20, own);
    await subscribersOf(redis, id, 1, 'fleet_');
    await publishState(redis, id, { status: 'SUCCESS', result: 2 }, 'fleet_');
    assert.equal((await waiting).body.result, 2);
    await own.close();
  });

  it('answers how the task stands when the time is up', async () => {
    const id = newId();
    const { body, milliseconds } = await waitFor(id, 0.3);
    assert.equal(body.status, 'pending');
    assert.ok(milliseconds >= 290, `after ${milliseconds} ms`);
    await publishState(redis, id, { status: 'PROGRESS', result: { current: 1 } });
    assert.deepEqual((await waitFor(id, 0.3)).body.progress, { current: 1 });
    await subscribersOf(redis, id, 0);
  });

  it('reads once with a wait of 0', async () => {
    const { body, milliseconds } = await waitFor(newId(), 0);
    assert.equal(body.status, 'pending');
    assert.ok(milliseconds < 500);
  });

  for (const wait of ['', 'soon', '-1', '1e1', 'NaN', '5&wait=5', '60.5', '61', '1000000']) {
    it(`refuses wait=${wait}, and names the maximum of what is beyond it`, async () => {
      const response = await service.get(`/result/a?wait=${wait}`).expect(400);
      const { message } = response.body as { message: string };
      assert.match(message, Number(wait) > 60 ? /\/wait must be <= 60/ : /\/wait must be/);
    });
  }

  it('takes as much as RESULT_WAIT_MAX, and its contract says so', async () => {
    const own = await startTestService({ RESULT_WAIT_MAX: '100' });
    const id = newId();
    await publishState(redis, id, { status: 'SUCCESS', result: 1 });
    await own.get(`/result/${id}?wait=100`).expect(200);
    const refused = await own.get(`/result/${id}?wait=101`).expect(400);
    assert.match((refused.body as { message: string }).message, /must be <= 100/);
    const { text } = await own.get('/openapi.json');
    assert.match(text, /"minimum":0,"maximum":100,/);
    await own.close();
  });

  it('answers a clear 500 where what a worker stores meanwhile can’t be read', async () => {
    const id = newId();
    const waiting = service.get(`/result/${id}?wait=20`).expect(500);
    const response = waiting.then((answer) => answer);
    await subscribersOf(redis, id, 1);
    await redis.publish(`celery-task-meta-${id}`, Buffer.from('\x80\x04\x95', 'latin1'));
    assert.match(((await response).body as { message: string }).message, /pickle/);
    await subscribersOf(redis, id, 0);
  });

  it('frees everything when the client goes away', async () => {
    const own = await startTestService({ MAX_WAITERS: '1' });
    const id = newId();
    const { socket } = await openConnection(own.url);
    socket.write(`GET /result/${id}?wait=30 HTTP/1.1\r\nHost: a\r\n\r\n`);
    await subscribersOf(redis, id, 1);
    await own.get(`/result/${id}?wait=30`).expect(503);
    socket.destroy();
    await subscribersOf(redis, id, 0);
    assert.equal((await waitFor(id, 0.01, own)).body.status, 'pending');
    const line = await eventually('its line is logged', () =>
      own.lines.find(({ message, fields }) => message === 'request' && fields.aborted),
    );
    assert.equal(line.fields.task_id, id);
    await own.close();
  });

  it('lets more wait than may be in flight, and refuses those beyond MAX_WAITERS', async () => {
    const own = await startTestService({ MAX_REQUESTS_IN_FLIGHT: '1', MAX_WAITERS: '20' });
    const ids = Array.from({ length: 20 }, newId);
    const waiting: Promise<ResultBody>[] = [];
    for (const id of ids) {
      waiting.push(waitFor(id, 20, own).then(({ body }) => body));
      // One after the other, since only one may be in flight.
      await subscribersOf(redis, id, 1);
    }
    const [id = ''] = ids;
    const refused = await own.get(`/result/${id}?wait=20`).expect(503);
    assert.equal(refused.headers['retry-after'], '1');
    assert.match(refused.text, /Too many requests wait for a task; try again in a second/);
    await own.get(`/result/${id}`).expect(200);
    for (const one of ids) {
      await publishState(redis, one, { status: 'SUCCESS', result: one });
    }
    assert.deepEqual(
      (await Promise.all(waiting)).map(({ result }) => result),
      ids,
    );
    await own.close();
  });

  it('answers at once when the service stops', async () => {
    const own = await startTestService();
    const id = newId();
    const waiting = waitFor(id, 30, own);
    await subscribersOf(redis, id, 1);
    const start = performance.now();
    await own.close();
    assert.ok(performance.now() - start < 2_000);
    assert.equal((await waiting).body.status, 'pending');
  });
});

async function countSubscribers(redis: Redis): Promise<number> {
  const clients = String(await redis.client('LIST'));
  return clients.split('\n').filter((line) => /\bsub=[1-9]/.test(line)).length;
}
