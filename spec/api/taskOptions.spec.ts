import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { startWorker } from '../../stack/celery.js';
import { theFleet, PYTHON_MODULES, WORKERS_FOLDER } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';
import { resultOf, runPython } from '../support/tasks.js';

// No worker listens to this database but one of a spec here.
const DATABASE = 5;

interface ErrorBody {
  details: { errors: { pointer: string; message: string }[] };
}

const second = (seconds: number): string => new Date(Date.now() + seconds * 1_000).toISOString();

describe('The options of a task', () => {
  let service: TestService;
  let silent: TestService;
  let redis: Redis;
  before(async () => {
    service = await startTestService({ TASK_NAMESPACES: 'worker,automation' });
    const url = theFleet().redis.url.replace(/0$/, String(DATABASE));
    silent = await startTestService({
      REDIS_URL: url,
      TASK_QUEUES: 'first,second',
      VISIBILITY_TIMEOUT: '1000',
      TASK_NAMESPACES: 'worker,automation',
    });
    redis = new Redis(url);
  });
  beforeEach(() => redis.flushdb());
  after(async () => {
    await service.close();
    await silent.close();
    redis.disconnect();
  });

  async function assign(taskType: string, params: object, options: object): Promise<string> {
    const body = { task_type: taskType, params, options };
    const response = await service.post('/assign-task/').send(body).expect(200);
    return (response.body as { task_id: string }).task_id;
  }

  describe('on a worker', function () {
    this.timeout(60_000);

    it('delay it by a countdown, and until an eta', async () => {
      const start = Date.now() / 1_000;
      const ids = await Promise.all([
        assign('automation.request', {}, { countdown: 1.5 }),
        assign('automation.request', {}, { eta: second(1.5) }),
      ]);
      for (const id of ids) {
        const { result } = await resultOf(service, id);
        const { started_at, eta } = result as { started_at: number; eta: string };
        assert.ok(started_at - start >= 1.49, `started after ${started_at - start} s`);
        assert.ok(Math.abs(Date.parse(eta) / 1_000 - start - 1.5) < 1);
      }
    });

    it('let it expire before it starts', async () => {
      const ids = await Promise.all([
        assign('automation.echo', {}, { countdown: 2, expires: 0.5 }),
        assign('automation.echo', {}, { countdown: 2, expires: second(0.8) }),
      ]);
      for (const id of ids) {
        const { status, state, error } = await resultOf(service, id);
        assert.deepEqual(
          { status, state, error },
          { status: 'failed', state: 'REVOKED', error: 'expired' },
        );
      }
    });

    it('end it at its time limits', async () => {
      // This task goes on when its soft limit has passed; of its own, it has 1 and 2 seconds.
      const limits = { time_limit: 1.5, soft_time_limit: 0.5 };
      const hard = await assign('automation.hard_limit', {}, limits);
      const soft = await assign('automation.sleep', { seconds: 30 }, { soft_time_limit: 1 });
      assert.equal((await resultOf(service, hard)).error, 'TimeLimitExceeded(1.5,)');
      assert.equal((await resultOf(service, soft)).error, 'SoftTimeLimitExceeded()');
    });

    it('give it an id, and headers that it finds in its request', async () => {
      const headers = { traceparent: '00-ab-cd-01', nested: { list: [1, null, 'é'] } };
      const id = await assign(
        'automation.request',
        {},
        {
          task_id: `chosen:${process.pid}@spec`,
          headers,
          priority: 9,
          time_limit: 60,
          soft_time_limit: 30,
        },
      );
      assert.equal(id, `chosen:${process.pid}@spec`);
      const { result } = await resultOf(service, id);
      const seen = result as Record<string, unknown>;
      assert.equal(seen.id, id);
      assert.deepEqual(seen.headers, headers);
      assert.equal(seen.traceparent, headers.traceparent);
      assert.deepEqual(seen.timelimit, [60, 30]);
      assert.equal(seen.priority, 9);
    });

    it('send it to another queue, and the lowest priority numbers first', async () => {
      const ids = new Map<number, string>();
      for (const priority of [9, 6, 3, 0]) {
        const options = { queue: 'second', priority };
        const response = await silent
          .post('/assign-task/')
          .send({ task_type: 'automation.request', options })
          .expect(200);
        ids.set(priority, (response.body as { task_id: string }).task_id);
      }
      const worker = await startWorker({
        python: theFleet().python,
        workersFolder: WORKERS_FOLDER,
        redisUrl: theFleet().redis.url.replace(/0$/, String(DATABASE)),
        environment: process.env,
        variables: { PYTHONPATH: PYTHON_MODULES },
        arguments: ['--include', 'outcome_tasks', '--queues', 'second'],
        concurrency: 1,
      });
      try {
        const starts: number[] = [];
        for (const priority of [0, 3, 6, 9]) {
          const { result } = await resultOf(silent, ids.get(priority) ?? '');
          starts.push((result as { started_at: number }).started_at);
        }
        assert.deepEqual(
          starts,
          starts.toSorted((a, b) => a - b),
        );
      } finally {
        await worker.stop();
      }
    });
  });

  const far = 'must be at most 900 seconds from now';
  const name = "has a name that can't be used here";
  const refused: [what: string, options: unknown, pointer: string, message: string][] = [
    ['no object', [], '/options', 'must be object'],
    ['null', null, '/options', 'must be object'],
    ['one that is not known', { retry: true }, '/options/retry', 'is not known'],
    [
      'a queue of others',
      { queue: 'worker_queue' },
      '/options/queue',
      'must be one of [first, second]',
    ],
    ['a priority of 10', { priority: 10 }, '/options/priority', 'must be <= 9'],
    ['half a priority', { priority: 0.5 }, '/options/priority', 'must be integer'],
    ['a countdown into the past', { countdown: -1 }, '/options/countdown', 'must be >= 0'],
    ['a countdown that is a text', { countdown: '1' }, '/options/countdown', 'must be number'],
    ['a countdown that would run twice', { countdown: 901 }, '/options/countdown', far],
    ['an eta that would run twice', { eta: second(86_400) }, '/options/eta', far],
    [
      'an eta without an offset',
      { eta: '2026-01-31T09:30:00' },
      '/options/eta',
      'must match format "date-time"',
    ],
    [
      'an eta before 1970',
      { eta: '0001-01-01T00:00:00+14:00' },
      '/options/eta',
      'must be a date since 1970',
    ],
    [
      'an eta at a leap second',
      { eta: '2016-12-31T23:59:60Z' },
      '/options/eta',
      'must be a date since 1970',
    ],
    [
      'two times to start',
      { eta: second(1), countdown: 1 },
      '/options/eta',
      'must not be given together',
    ],
    ['an expiry of no time', { expires: 0 }, '/options/expires', 'must be > 0'],
    ['an expiry in the past', { expires: second(-1) }, '/options/expires', 'must be in the future'],
    [
      'an expiry after many years',
      { expires: '9999-12-31T23:59:59-12:00' },
      '/options/expires',
      'must be within ten',
    ],
    ['an expiry that is none', { expires: 'soon' }, '/options/expires', 'must match format'],
    ['no time to run', { time_limit: 0 }, '/options/time_limit', 'must be > 0'],
    [
      'a soft limit behind the hard one',
      { time_limit: 1, soft_time_limit: 1.5 },
      '/options/soft_time_limit',
      'must not be more than time_limit',
    ],
    ['an id with a space', { task_id: 'a b' }, '/options/task_id', 'must be letters, digits and _'],
    ['an empty id', { task_id: '' }, '/options/task_id', 'is empty'],
    [
      'an id of 256 characters',
      { task_id: 'a'.repeat(256) },
      '/options/task_id',
      'must NOT have more',
    ],
    ['headers that are a list', { headers: [] }, '/options/headers', 'must be object'],
    ['a header without a name', { headers: { '': 1 } }, '/options/headers/', name],
    [
      'a header with a name for Python alone',
      { headers: { __class__: 1 } },
      '/options/headers/__class__',
      name,
    ],
    [
      'a header that a worker could not read',
      { headers: { x: [{ __type__: 'money', __value__: 1 }] } },
      '/options/headers/x/0',
      'has a __type__',
    ],
  ];
  for (const [what, options, pointer, message] of refused) {
    it(`are refused where there is ${what}, and nothing is sent`, async () => {
      const response = await silent
        .post('/assign-task/')
        .send({ task_type: 'spec', options })
        .expect(400);
      const { errors } = (response.body as ErrorBody).details;
      assert.equal(errors.length, 1, JSON.stringify(errors));
      assert.equal(errors[0]?.pointer, pointer);
      assert.ok(errors[0].message.startsWith(message), errors[0].message);
      assert.deepEqual(await redis.keys('*'), []);
    });
  }

  it('are taken at their bounds', async () => {
    for (const options of [
      '{"countdown": 899.9, "priority": 0.0}',
      '{"eta": "1970-01-01T00:00:00Z"}',
      '{"eta": "2026-01-31t09:30:00.123456z"}',
      '{"eta": "2026-01-31 09:30:00-0330", "expires": 1e-3}',
      '{"expires": 315360000, "time_limit": 31536000, "soft_time_limit": 31536000}',
      `{"task_id": "${'a'.repeat(255)}", "headers": {}}`,
    ]) {
      await silent
        .post('/assign-task/')
        .type('json')
        .send(`{"task_type": "a", "options": ${options}}`)
        .expect(200);
    }
  });

  it('have no header that is Celery’s, or that its request has', async () => {
    const names = JSON.parse(await runPython('reserved_headers')) as string[];
    assert.ok(names.length > 40);
    for (const header of names) {
      // In escapes too, and behind one that is allowed.
      const escaped = `\\u${header.charCodeAt(0).toString(16).padStart(4, '0')}${header.slice(1)}`;
      const response = await silent
        .post('/assign-task/')
        .type('json')
        .send(`{"task_type": "a", "options": {"headers": {"x": 1, "${escaped}": "forged"}}}`)
        .expect(400);
      const [fault] = (response.body as ErrorBody).details.errors;
      assert.equal(fault?.pointer, `/options/headers/${header}`);
    }
    assert.deepEqual(await redis.keys('*'), []);
  });

  it('tell an Idempotency-Key apart', async () => {
    const send = (options: object, status: number) =>
      silent
        .post('/assign-task/')
        .set('Idempotency-Key', 'options')
        .send({ task_type: 'a', options })
        .expect(status);
    const first = await send({ queue: 'first', priority: 1 }, 200);
    assert.equal((await send({ queue: 'first', priority: 1 }, 200)).text, first.text);
    await send({ queue: 'first', priority: 2 }, 422);
    assert.equal(await redis.llen('first'), 1);
  });
});
