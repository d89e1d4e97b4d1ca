import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../stack/redis.js';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';

type Body = Record<string, unknown>;

describe('When Redis fails', () => {
  let redis: RedisServer;
  let service: TestService;
  beforeEach(async () => {
    redis = await startRedis({ environment: process.env, python: theFleet().python.python });
    service = await startTestService({ REDIS_URL: redis.url });
  });
  afterEach(async () => {
    await service.close();
    await redis.stop();
  });

  async function healthy(): Promise<Body> {
    return eventually('redis_status healthy', async () => {
      const response = await service.get('/health').expect(200);
      return (response.body as Body).redis_status === 'healthy'
        ? (response.body as Body)
        : undefined;
    });
  }

  async function timed<Value>(work: () => Promise<Value>): Promise<[Value, number]> {
    const start = performance.now();
    const value = await work();
    return [value, performance.now() - start];
  }

  it('says healthy and ready while Redis answers', async () => {
    const body = await healthy();
    assert.deepEqual(
      { ...body, timestamp: undefined, version: undefined },
      {
        status: 'ok',
        service: 'orchestrator',
        redis_status: 'healthy',
        timestamp: undefined,
        version: undefined,
      },
    );
    await service.get('/health/ready').expect(200);
    await service.get('/health/live').expect(200);
  });

  for (const [what, fail, repair] of [
    ['is killed', () => redis.kill(), () => redis.restart()],
    [
      'hangs',
      () => {
        redis.pause();
      },
      () => {
        redis.resume();
      },
    ],
  ] as const) {
    it(`${what}: every route answers in time, and all works again without a restart`, async () => {
      await healthy();
      await fail();

      const [health, healthTime] = await timed(() => service.get('/health').expect(200));
      assert.equal((health.body as Body).redis_status, 'unhealthy');
      assert.ok(healthTime < 1_000, `health took ${healthTime} ms`);
      await service.get('/health/ready').expect(503);
      await service.get('/health/live').expect(200);

      const [assigned, assignTime] = await timed(() =>
        service.post('/assign-task/').send({ task_type: 'test_task' }).expect(500),
      );
      assert.ok(assignTime < 2_000, `assign took ${assignTime} ms`);
      const body = assigned.body as Body;
      assert.match(
        String(body.message),
        /^Task 'test_task' could not be assigned: the message broker/,
      );
      assert.ok(body.task_id);
      const [result, resultTime] = await timed(() => service.get('/result/some-task').expect(500));
      assert.ok(resultTime < 2_000, `result took ${resultTime} ms`);
      assert.match(String((result.body as Body).message), /^The result could not be retrieved: /);
      assert.doesNotMatch(result.text + assigned.text, /ECONN|127\.0\.0\.1|ioredis|Stream/);

      await repair();
      await healthy();
      await service.get('/health/ready').expect(200);
      await service.assign('test_task');
    });
  }

  it('lets many requests wait for Redis at once, and answers each when it is back', async () => {
    await healthy();
    await redis.kill();
    const warnings: string[] = [];
    const warn = (warning: Error) => warnings.push(warning.message);
    process.on('warning', warn);
    const waiting = Array.from({ length: 100 }, () => service.assign('test_task'));
    await redis.restart();
    assert.equal(new Set(await Promise.all(waiting)).size, 100);
    process.off('warning', warn);
    assert.deepEqual(warnings, []);
    assert.equal((await taskNames(redis)).length, 100);
  });

  it('tells the truth about a refused message: "no" is never delivered later', async () => {
    await healthy();
    await redis.kill();
    const response = await service.post('/assign-task/').send({ task_type: 'lost' }).expect(500);
    assert.deepEqual((response.body as Body).details, { queued: 'no' });
    await redis.restart();
    await healthy();
    await service.assign('kept');
    assert.deepEqual(await taskNames(redis), ['worker.kept']);
  });

  it('tells the truth about an unanswered message: "unknown" may be delivered', async () => {
    await healthy();
    await service.assign('before');
    redis.pause();
    const response = await service.post('/assign-task/').send({ task_type: 'maybe' }).expect(500);
    assert.deepEqual((response.body as Body).details, { queued: 'unknown' });
    redis.resume();
    await healthy();
    assert.deepEqual(await taskNames(redis), ['worker.maybe', 'worker.before']);
  });

  it('tells of a message that Redis refuses', async () => {
    await healthy();
    await withClient(redis, (client) => client.set('worker_queue', 'not a list'));
    const response = await service.post('/assign-task/').send({ task_type: 'a' }).expect(500);
    const { message, details } = response.body as Body;
    assert.equal(message, "Task 'a' could not be assigned: the message broker refused it");
    assert.deepEqual(details, { queued: 'no' });
    const line = await eventually('the cause is logged', () =>
      service.lines.find(({ fields }) => fields.status === 500),
    );
    assert.match(String(line.fields.cause), /^WRONGTYPE/);
    assert.equal(line.fields.stack, undefined);
  });

  it('outlives a cut of every connection without the caller noticing', async () => {
    await healthy();
    await withClient(redis, (client) => client.call('CLIENT', 'KILL', 'TYPE', 'normal'));
    await service.assign('test_task');
    await service.get('/result/some-task').expect(200);
  });

  it('logs an outage once for each reason, and its end once', async () => {
    await healthy();
    service.lines.length = 0;
    await redis.kill();
    await eventually('both connections are refused', () =>
      reports('No connection to Redis; retrying').length === 4 ? true : undefined,
    );
    // Two seconds of vain attempts, in which nothing more is said.
    await service.post('/assign-task/').send({ task_type: 'test_task' }).expect(500);
    await redis.restart();
    await healthy();
    assert.deepEqual(reports('No connection to Redis; retrying'), [
      'backend: connect ECONNREFUSED',
      'backend: connection closed',
      'broker: connect ECONNREFUSED',
      'broker: connection closed',
    ]);
    assert.equal(reports('Connected to Redis').length, 2);
  });

  it('does not use another database than the one it was told to', async () => {
    const lost = await startTestService({
      REDIS_URL: redis.url.replace(/0$/, '9999'),
      ASSIGN_TIMEOUT_MS: '300',
    });
    try {
      const health = await lost.get('/health').expect(200);
      assert.equal((health.body as Body).redis_status, 'unhealthy');
      await lost.post('/assign-task/').send({ task_type: 'a' }).expect(500);
      assert.deepEqual(await taskNames(redis), []);
      const warning = lost.lines.find(({ level }) => level === 'warning');
      assert.match(String(warning?.fields.reason), /DB index/);
      assert.ok(lost.lines.filter(({ level }) => level === 'warning').length <= 2);
    } finally {
      await lost.close();
    }
  });

  it('leaves a server that has become a replica', async () => {
    await healthy();
    await withClient(redis, (client) => client.replicaof('127.0.0.1', 1));
    await service.post('/assign-task/').send({ task_type: 'a' }).expect(500);
    await eventually('a new connection', () =>
      reports('No connection to Redis; retrying').length > 0 ? true : undefined,
    );
    await withClient(redis, (client) => client.replicaof('NO', 'ONE'));
    await healthy();
    await service.assign('test_task');
  });

  /** The log lines with this message, as `role: reason`, sorted. */
  function reports(message: string): string[] {
    return service.lines
      .filter((line) => line.message === message)
      .map(({ fields }) => `${String(fields.role)}: ${String(fields.reason).replace(/ 127.*/, '')}`)
      .sort();
  }

  it('starts without Redis, and works as soon as there is one', async () => {
    await redis.kill();
    const early = await startTestService({ REDIS_URL: redis.url });
    try {
      await early.get('/health/ready').expect(503);
      await redis.restart();
      await eventually('readiness', async () => {
        const { status } = await early.get('/health/ready');
        return status === 200 ? true : undefined;
      });
      await early.assign('test_task');
    } finally {
      await early.close();
    }
  });
});

describe('The log', () => {
  it('has probes and scrapes at debug level, unless they fail', async () => {
    const key = 'our-secret-0123456789';
    // Nothing listens there.
    const lost = await startTestService({
      REDIS_URL: 'redis://127.0.0.1:1/0',
      API_KEYS: `ours=${key}`,
    });
    try {
      const levelOf = async (path: string, status: number, headers = {}): Promise<unknown> => {
        lost.lines.length = 0;
        await lost.get(path).set(headers).expect(status);
        return eventually('its line', () =>
          lost.lines.find(({ message }) => message === 'request'),
        ).then(({ level }) => level);
      };
      assert.equal(await levelOf('/', 200), 'info');
      assert.equal(await levelOf('/health', 200), 'debug');
      assert.equal(await levelOf('/health/live', 200), 'debug');
      assert.equal(await levelOf('/health/ready', 503), 'warning');
      assert.equal(await levelOf('/metrics', 200, { 'x-api-key': key }), 'debug');
      assert.equal(await levelOf('/metrics', 401), 'info');
    } finally {
      await lost.close();
    }
  });
});

async function withClient<Value>(
  { url }: RedisServer,
  use: (client: Redis) => Promise<Value>,
): Promise<Value> {
  const client = new Redis(url);
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
}

async function taskNames(redis: RedisServer): Promise<string[]> {
  const messages = await withClient(redis, (client) => client.lrange('worker_queue', 0, -1));
  return messages.map((text) => (JSON.parse(text) as { headers: { task: string } }).headers.task);
}
