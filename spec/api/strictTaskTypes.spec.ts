import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { startRedis } from '../../stack/redis.js';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';
import { databaseUrl, startWorkerIn } from '../support/taskFleet.js';
import { nearestTo } from '../../src/operations/tasks/nearest.js';

interface Refusal {
  message: string;
  details: { errors: { in: string; pointer: string; message: string }[] };
}

describe('STRICT_TASK_TYPES', function () {
  this.timeout(60_000);
  let service: TestService;
  before(async () => {
    service = await startTestService({
      STRICT_TASK_TYPES: 'true',
      TASK_NAMESPACES: 'worker,automation',
    });
  });
  after(() => service.close());

  async function refusal(taskType: string): Promise<string> {
    const response = await service.post('/assign-task/').send({ task_type: taskType }).expect(400);
    const [fault] = (response.body as Refusal).details.errors;
    assert.deepEqual([fault?.in, fault?.pointer], ['body', '/task_type']);
    return fault?.message ?? '';
  }

  it('takes what a live worker has, from the first request on', async () => {
    await service.assign('health_check');
    await service.assign('automation.echo', {});
    await Promise.all(Array.from({ length: 20 }, () => service.assign('automation.echo', {})));
  });

  for (const [taskType, message] of [
    ['tset_task', 'is a type that no live worker has; did you mean test_task?'],
    ['automation.ecko', 'is a type that no live worker has; did you mean automation.echo?'],
    ['worker.test_task', 'is a type that no live worker has; did you mean test_task?'],
    ['quite_another_one_that_is_nowhere', 'is a type that no live worker has'],
    ['x'.repeat(255), 'is a type that no live worker has'],
  ] as const) {
    it(`refuses ${taskType.slice(0, 40)}`, async () => {
      assert.equal(await refusal(taskType), message);
    });
  }

  it('says how a task that workers have is sent, where its name is no type', async () => {
    const own = await startTestService({ STRICT_TASK_TYPES: 'true' });
    const request = { task_type: 'automation.echo' };
    const response = await own.post('/assign-task/').send(request).expect(400);
    await own.close();
    assert.equal(
      (response.body as Refusal).details.errors[0]?.message,
      'is sent as worker.automation.echo, which no live worker has; TASK_NAMESPACES says what is sent as it is',
    );
  });

  it('takes a type of a worker that has just started', async () => {
    const url = databaseUrl(12);
    const redis = new Redis(url);
    await redis.flushdb();
    const own = await startTestService({ REDIS_URL: url, STRICT_TASK_TYPES: 'true' });
    const workers = [];
    try {
      // Nobody answers, so nothing is known, which is said once.
      await own.assign('any_type');
      await own.assign('any_type');
      const warnings = own.lines.filter(({ message }) =>
        message.startsWith('Task types are taken'),
      );
      assert.deepEqual(
        warnings.map(({ level, fields }) => [level, fields.reason]),
        [['warning', 'no worker answers']],
      );
      workers.push(await startWorkerIn(url, 'first', '--queues', 'other_queue'));
      await eventually('unknown types are refused', async () => {
        const { status } = await own.post('/assign-task/').send({ task_type: 'any_type' });
        return status === 400 || undefined;
      });
      await own.assign('test_task');
      // A second one that hangs: it might have what the first has not.
      const second = await startWorkerIn(url, 'second', '--queues', 'other_queue');
      workers.push(second);
      // One that is ready subscribes a moment later; before, nobody can know of it.
      await eventually('the second worker answers', async () => {
        const { workers: seen } = (await own.get('/tasks/').expect(200)).body as {
          workers: unknown[];
        };
        return seen.length === 2 || undefined;
      });
      second.send('SIGSTOP');
      await eventually('unknown types are taken', async () => {
        const { status } = await own.post('/assign-task/').send({ task_type: 'any_type' });
        return status === 200 || undefined;
      });
      second.send('SIGCONT');
    } finally {
      await own.close();
      await Promise.all(workers.map((worker) => worker.stop()));
      await redis.flushdb();
      redis.disconnect();
    }
  });

  it('asks the workers rarely, however many requests come', async () => {
    const redis = new Redis(theFleet().redis.url);
    const monitor = await redis.monitor();
    let published = 0;
    monitor.on('monitor', (_time: string, [command = '', channel = '']: string[]) => {
      published += command.toLowerCase() === 'publish' && channel.endsWith('celery.pidbox') ? 1 : 0;
    });
    for (let turn = 0; turn < 5; turn += 1) {
      await Promise.all(Array.from({ length: 20 }, () => service.assign('automation.echo', {})));
      await Promise.all(Array.from({ length: 20 }, () => refusal('tset_task')));
    }
    await eventually('what was published is seen', async () => {
      await redis.publish('celery.pidbox', '');
      return published > 0 || undefined;
    });
    monitor.disconnect();
    redis.disconnect();
    assert.ok(published <= 13, `${published} commands`);
  });

  for (const [what, path, bodyOf] of [
    ['a task', '/assign-task/', (types: object[]) => types[0]],
    ['a list of tasks', '/assign-tasks/', (types: object[]) => types],
  ] as const) {
    it(`answers ${what} within ASSIGN_TIMEOUT_MS where neither workers nor Redis answer`, async () => {
      const redis = await startRedis({
        environment: process.env,
        python: theFleet().python.python,
      });
      const milliseconds = 4_000;
      const own = await startTestService({
        REDIS_URL: redis.url,
        STRICT_TASK_TYPES: 'true',
        ASSIGN_TIMEOUT_MS: String(milliseconds),
      });
      try {
        await own.get('/health/ready').expect(200);
        redis.pause();
        const types = ['one', 'two', 'three'].map((task_type) => ({ task_type }));
        const start = performance.now();
        const response = await own
          .post(path)
          .send(bodyOf(types) ?? {})
          .expect(500);
        const took = performance.now() - start;
        assert.ok(took < milliseconds, `${took} ms`);
        const { details } = response.body as { details: { queued: string } };
        assert.match(details.queued, /^(no|unknown)$/);
      } finally {
        redis.resume();
        await own.close();
        await redis.stop();
      }
    });
  }

  it('is off by default', async () => {
    const open = await startTestService();
    await open.assign('a_type_that_nobody_has');
    await open.close();
  });
});

describe('The nearest names', () => {
  for (const [text, names, nearest] of [
    ['a', ['b', 'c', 'a', 'd', 'abcd'], ['a', 'b', 'c']],
    [
      'approve_batch',
      ['approve_batches', 'test_task', 'reprove_batch'],
      ['approve_batches', 'reprove_batch'],
    ],
    ['', ['a', 'abc'], ['a']],
    ['same', [], []],
  ] as const) {
    it(`of ${text || 'nothing'} among ${names.join(', ')}`, () => {
      assert.deepEqual(nearestTo(text, names), nearest);
    });
  }
});
