import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import type { RunningProcess } from '../../stack/process.js';
import { startRedis, type RedisServer } from '../../stack/redis.js';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';
import { databaseUrl, startWorkerIn, startWorkerWith } from '../support/taskFleet.js';
import { resultOf } from '../support/tasks.js';
import { inspect, type Stats } from '../support/workerInspection.js';

const TASK = 'automation.echo';

interface Answer {
  hostname: string;
  message: string;
  code: string;
}

type Tell = (path: string, status: number, body?: object) => Promise<Answer>;

function teller(service: TestService): Tell {
  return async (path, status, body) =>
    (await service.post(`/workers/${path}`).send(body).expect(status)).body as Answer;
}

describe('POST /workers/{name}/…', function () {
  this.timeout(60_000);
  let redis: RedisServer;
  let service: TestService;
  let tell: Tell;
  let one: RunningProcess;
  let threads: RunningProcess;
  let scaled: RunningProcess;
  before(async () => {
    redis = await startRedis({ environment: process.env, python: theFleet().python.python });
    [one, threads, scaled] = await Promise.all([
      startWorkerIn(redis.url, 'one', '--queues', 'automation_queue'),
      startWorkerIn(redis.url, 'threads', '--queues', 'threads_queue', '--pool', 'threads'),
      startWorkerIn(redis.url, 'scaled', '--queues', 'scaled_queue', '--autoscale', '2,1'),
    ]);
    service = await startTestService({
      REDIS_URL: redis.url,
      TASK_NAMESPACES: 'worker,automation',
    });
    tell = teller(service);
  });
  after(async () => {
    await service.close();
    await Promise.all([one, threads, scaled].map((worker) => worker.stop()));
    await redis.stop();
  });

  /** A pool makes and ends its processes within five seconds of being told. */
  async function untilProcesses(count: number, hostname = 'one@spec'): Promise<void> {
    await untilCelerySays<Stats>(
      ['stats'],
      hostname,
      ({ pool }) => pool.processes?.length === count,
    );
  }

  /** Waits until the workers answer Celery so, as they do some things a little after they have confirmed them. */
  async function untilCelerySays<Reply>(
    method: readonly [string, ...string[]],
    hostname: string,
    accept: (reply: Reply) => boolean,
  ): Promise<Record<string, Reply>> {
    return eventually(`${method.join(' ')} of ${hostname}`, async () => {
      const replies = await inspect<Reply>(redis.url, method);
      const reply = replies[hostname];
      return reply !== undefined && accept(reply) ? replies : undefined;
    });
  }

  const queuesOf = (queues: { name: string }[]) => queues.map(({ name }) => name).sort();

  it('grows and shrinks the pool of the named worker alone, and GET /workers/ shows it', async () => {
    const concurrency = async () => {
      const { workers } = (await service.get('/workers/').expect(200)).body as {
        workers: { hostname: string; concurrency: number }[];
      };
      return workers.find(({ hostname }) => hostname === 'one@spec')?.concurrency;
    };
    assert.equal(await concurrency(), 1);
    const grown = await tell('one@spec/pool-grow', 200, { n: 3 });
    assert.deepEqual([grown.hostname, grown.message], ['one@spec', 'pool will grow']);
    await untilProcesses(4);
    await untilProcesses(1, 'scaled@spec');
    await eventually('it is shown', async () => (await concurrency()) === 4 || undefined);
    assert.equal((await tell('one@spec/pool-shrink', 200, { n: 2 })).message, 'pool will shrink');
    await untilProcesses(2);
    await tell('one@spec/pool-shrink', 200);
    await untilProcesses(1);
    await tell('one@spec/pool-grow', 200, {});
    await untilProcesses(2);
    const left = await tell('one@spec/pool-shrink', 409, { n: 2 });
    assert.match(left.message, /^one@spec refuses: its pool of 2 would be left with none$/);
    await untilProcesses(2);
  });

  it('takes a hostname as it is and percent-encoded', async () => {
    for (const name of ['one@spec', 'one%40spec', '%6Fne%40spec']) {
      assert.equal((await tell(`${name}/enable-events`, 200)).hostname, 'one@spec');
    }
  });

  it('changes how far a worker scales', async () => {
    const { message } = await tell('scaled@spec/autoscale', 200, { min: 2, max: 3 });
    assert.equal(message, 'autoscale now max=3 min=2');
    const stats = await inspect<Stats>(redis.url, ['stats']);
    const { max, min } = stats['scaled@spec']?.autoscaler ?? {};
    assert.deepEqual({ max, min }, { max: 3, min: 2 });
  });

  it('has a worker consume a queue, and leave it', async () => {
    assert.equal(
      (await tell('threads@spec/add-consumer', 200, { queue: 'night.queue' })).message,
      'add consumer night.queue',
    );
    const replies = await untilCelerySays<{ name: string }[]>(
      ['active_queues'],
      'threads@spec',
      (queues) => queues.length === 2,
    );
    assert.deepEqual(queuesOf(replies['threads@spec'] ?? []), ['night.queue', 'threads_queue']);
    assert.deepEqual(queuesOf(replies['one@spec'] ?? []), ['automation_queue']);
    const night = await startTestService({
      REDIS_URL: redis.url,
      TASK_NAMESPACES: 'worker,automation',
      TASK_ROUTES: '*=night.queue',
    });
    try {
      const result = await resultOf(night, await night.assign(TASK, { a: 1 }));
      assert.equal(result.status, 'completed');
    } finally {
      await night.close();
    }
    assert.equal(
      (await tell('threads@spec/cancel-consumer', 200, { queue: 'night.queue' })).message,
      'no longer consuming from night.queue',
    );
    await untilCelerySays<{ name: string }[]>(
      ['active_queues'],
      'threads@spec',
      (queues) => queuesOf(queues).join() === 'threads_queue',
    );
  });

  it('limits how often and how long a task runs', async () => {
    const limits = async () => {
      const items = ['rate_limit', 'soft_time_limit', 'time_limit'] as const;
      const replies = await inspect<string[]>(redis.url, ['registered', ...items]);
      return ['one@spec', 'threads@spec'].map((hostname) =>
        replies[hostname]?.find((text) => text.split(' ')[0] === TASK),
      );
    };
    const [, others] = await limits();
    await tell('one@spec/rate-limit', 200, { task_name: TASK, rate_limit: '10/m' });
    await tell('one@spec/time-limit', 200, { task_name: TASK, soft: 60, hard: 90.5 });
    assert.deepEqual(await limits(), [
      `${TASK} [rate_limit=10/m soft_time_limit=60 time_limit=90.5]`,
      others,
    ]);
    await tell('one@spec/rate-limit', 200, { task_name: TASK, rate_limit: '0' });
    await tell('one@spec/time-limit', 200, { task_name: TASK, hard: 30 });
    assert.deepEqual(await limits(), [`${TASK} [rate_limit=0 time_limit=30]`, others]);
    // The task still runs.
    assert.equal(
      (await resultOf(service, await service.assign(TASK, { a: 1 }))).status,
      'completed',
    );
  });

  it('has a worker send events of its tasks', async () => {
    const subscriber = new Redis(redis.url);
    const heard: string[] = [];
    subscriber.on('message', (_channel, text: string) => heard.push(text));
    await subscriber.subscribe('/0.celeryev/task.multi', '/0.celeryev/task.received');
    const { message } = await tell('one@spec/enable-events', 200);
    assert.match(message, /^task events (already )?enabled$/);
    await service.assign(TASK, { a: 1 });
    await eventually('an event', () => heard.length > 0 || undefined);
    subscriber.disconnect();
  });

  for (const [path, body, words] of [
    [
      'threads@spec/pool-grow',
      { n: 1 },
      /^threads@spec refuses: AttributeError\("'TaskPool' object has no attribute 'grow'"\)$/,
    ],
    [
      'scaled@spec/pool-shrink',
      undefined,
      /^scaled@spec refuses: pool_shrink is not supported with autoscale/,
    ],
    [
      'one@spec/autoscale',
      { min: 1, max: 2 },
      /^one@spec refuses: ValueError\('Autoscale not enabled'\)$/,
    ],
    [
      'one@spec/rate-limit',
      { task_name: 'worker.nothing', rate_limit: '1/s' },
      /^one@spec refuses: unknown task$/,
    ],
    [
      'one@spec/time-limit',
      { task_name: 'worker.nothing', soft: 1 },
      /^one@spec refuses: unknown task$/,
    ],
  ] as const) {
    it(`hands on what ${path} is refused with`, async () => {
      const { code, message } = await tell(path, 409, body);
      assert.equal(code, 'worker_refused');
      assert.match(message, words);
    });
  }

  it('answers 404 for a name that no worker has, and names those that are near', async () => {
    const start = performance.now();
    const { code, message } = await tell('noe@spec/pool-grow', 404);
    const took = performance.now() - start;
    assert.ok(took < 500, `took ${took} ms`);
    assert.equal(code, 'worker_not_found');
    assert.equal(message, 'No worker noe@spec listens; did you mean one@spec?');
    for (const verb of ['shutdown', 'enable-events']) {
      assert.equal(
        (await tell(`something-else/${verb}`, 404)).message,
        'No worker something-else listens',
      );
    }
    await untilProcesses(2);
  });

  it('finds a worker whose binding somebody has removed', async () => {
    const client = new Redis(redis.url);
    const member = '\x06\x16\x06\x16threads@spec.celery.pidbox';
    assert.equal(await client.srem('_kombu.binding.celery.pidbox', member), 1);
    client.disconnect();
    await tell('threads@spec/enable-events', 200);
  });

  it('answers 404 for a verb that there is not, and 405 for a GET', async () => {
    assert.equal((await tell('one@spec/pool-restart', 404)).code, 'not_found');
    await service.get('/workers/one@spec/shutdown').expect(405);
  });

  for (const [path, body, pointer, fault] of [
    ['pool-grow', { n: 0 }, '/n', 'must be >= 1'],
    ['pool-grow', { n: 1, count: 2 }, '/count', 'is not known'],
    ['pool-shrink', { n: '1' }, '/n', 'must be integer'],
    ['autoscale', { max: 3 }, '/min', 'is required'],
    ['autoscale', { min: 3, max: 2 }, '/min', 'must not be more than max'],
    ['add-consumer', {}, '/queue', 'is required'],
    ['add-consumer', { queue: 'a', exchange: 'b' }, '/exchange', 'is not known'],
    ['cancel-consumer', { queue: '' }, '/queue', 'is empty'],
    ['rate-limit', { task_name: 'a', rate_limit: '5 per minute' }, '/rate_limit', /10\/m/],
    ['time-limit', { task_name: 'a', soft: 2, hard: 1 }, '/soft', 'must not be more than hard'],
    ['time-limit', { task_name: 'a', hard: 0 }, '/hard', 'must be > 0'],
  ] as const) {
    it(`refuses ${JSON.stringify(body)} for ${path}`, async () => {
      const response = await service.post(`/workers/one@spec/${path}`).send(body).expect(400);
      const { details } = response.body as {
        details: { errors: { pointer: string; message: string }[] };
      };
      assert.deepEqual(
        details.errors.map((one) => one.pointer),
        [pointer],
      );
      assert.match(
        details.errors[0]?.message ?? '',
        typeof fault === 'string' ? new RegExp(`^${fault}$`) : fault,
      );
    });
  }

  it('refuses a name with a space', async () => {
    await tell('one%20spec/enable-events', 400);
  });

  it('needs a key with the scope control, and logs worker, verb and the key’s name', async () => {
    const keys = { operator: 'operator-secret-001', frontend: 'frontend-secret-01' };
    const guarded = await startTestService({
      REDIS_URL: redis.url,
      API_KEYS: `operator=${keys.operator}:control,frontend=${keys.frontend}:assign+read`,
    });
    const grow = (key: string) =>
      guarded.post('/workers/one@spec/pool-grow').set('x-api-key', key).send({ n: 1 });
    try {
      await guarded.post('/workers/one@spec/shutdown').expect(401);
      const { message } = (await grow(keys.frontend).expect(403)).body as Answer;
      assert.match(
        message,
        /^The API key frontend .* scope control: .*=KEY:assign\+read\+control /,
      );
      await guarded.post('/workers/one@spec/shutdown').set('x-api-key', keys.frontend).expect(403);
      await untilProcesses(2);
      guarded.lines.length = 0;
      await grow(keys.operator).expect(200);
      await guarded.get('/workers/').set('x-api-key', keys.operator).expect(403);
      const line = await eventually('a line', () =>
        guarded.lines.find(({ message }) => message === 'request'),
      );
      const { worker, verb, n, client_name, status } = line.fields;
      assert.deepEqual(
        { level: line.level, worker, verb, n, client_name, status },
        {
          ...{ level: 'info', worker: 'one@spec', verb: 'pool-grow' },
          ...{ n: 1, client_name: 'operator', status: 200 },
        },
      );
      await tell('one@spec/pool-shrink', 200);
    } finally {
      await guarded.close();
    }
  });

  it('answers 504 for a worker that hangs, which does it later, and tells no other one', async () => {
    scaled.send('SIGSTOP');
    try {
      const start = performance.now();
      const silent = await tell('scaled@spec/add-consumer', 504, { queue: 'later_queue' });
      const took = performance.now() - start;
      assert.equal(silent.code, 'worker_silent');
      assert.equal(
        silent.message,
        'scaled@spec has not answered within a second; it may still do what it was told when it hears it',
      );
      assert.ok(took < 4_000, `took ${took} ms`);
      assert.equal(
        (await tell('scaled@spec/shutdown', 504)).message,
        'scaled@spec has not answered within a second; nothing was told to it',
      );
      // Others are told of as ever.
      await tell('one@spec/enable-events', 200);
      assert.equal((await tell('noe@spec/enable-events', 404)).code, 'worker_not_found');
    } finally {
      scaled.send('SIGCONT');
    }
    await untilCelerySays<{ name: string }[]>(['active_queues'], 'scaled@spec', (queues) =>
      queuesOf(queues).includes('later_queue'),
    );
    const line = service.lines.find(({ fields }) => fields.status === 504);
    assert.deepEqual([line?.level, line?.fields.worker], ['warning', 'scaled@spec']);
  });

  it('shuts one worker down, which ends its running task first', async () => {
    const running = await service.assign('automation.sleep', { seconds: 2 });
    await resultOf(service, running, ({ state }) => state === 'STARTED');
    const { hostname, message } = await tell('one@spec/shutdown', 202);
    assert.equal(hostname, 'one@spec');
    assert.equal(message, 'was told to shut down: it ends when the tasks that run have');
    assert.equal((await one.exited).code, 0);
    assert.equal((await resultOf(service, running)).status, 'completed');
    const { workers } = (await service.get('/workers/').expect(200)).body as {
      workers: { hostname: string }[];
    };
    assert.deepEqual(
      workers.map((worker) => worker.hostname),
      ['scaled@spec', 'threads@spec'],
    );
    await tell('one@spec/shutdown', 404);
  });

  it('answers 404 for a worker that was killed', async () => {
    scaled.send('SIGKILL');
    await scaled.exited;
    await eventually('it is gone', async () => {
      const { status } = await service.post('/workers/scaled@spec/enable-events');
      return status === 404 || undefined;
    });
  });

  it('answers 500 while Redis is away', async () => {
    await redis.kill();
    for (const verb of ['enable-events', 'shutdown']) {
      const answer = await eventually('it fails', async () => {
        const response = await service.post(`/workers/threads@spec/${verb}`);
        return response.status === 500 ? response : undefined;
      });
      const { code, message } = answer.body as Answer;
      assert.equal(code, 'broker_unavailable');
      assert.match(message, /^threads@spec could not be told, .*: the message broker /);
    }
    await redis.restart();
  });
});

describe('POST /workers/{name}/… with a key prefix', function () {
  this.timeout(60_000);

  it('tells the worker of that prefix, and knows which ones are silent', async () => {
    const url = databaseUrl(11);
    const prefix = 'fleet:';
    const variables = { TRANSPORT_OPTIONS: JSON.stringify({ global_keyprefix: prefix }) };
    const worker = await startWorkerWith(
      ...([url, 'prefixed', variables, '--include', 'transport_options'] as const),
    );
    const service = await startTestService({
      REDIS_URL: url,
      CELERY_BROKER_GLOBAL_KEYPREFIX: prefix,
    });
    const tell = teller(service);
    const other = await startTestService({ REDIS_URL: url });
    try {
      await tell('prefixed@spec/pool-grow', 200, { n: 1 });
      await eventually('it has two processes', async () => {
        const stats = await inspect<Stats>(url, ['stats'], variables);
        return stats['prefixed@spec']?.pool.processes?.length === 2 || undefined;
      });
      await teller(other)('prefixed@spec/pool-grow', 404);
      worker.send('SIGSTOP');
      await tell('prefixed@spec/pool-grow', 504);
      worker.send('SIGCONT');
      await eventually('it answers', async () => {
        const { status } = await service.post('/workers/prefixed@spec/enable-events');
        return status === 200 || undefined;
      });
      await tell('prefixed@spec/shutdown', 202);
      assert.equal((await worker.exited).code, 0);
    } finally {
      worker.send('SIGCONT');
      await service.close();
      await other.close();
      await worker.stop();
    }
  });
});
