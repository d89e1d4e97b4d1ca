import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../stack/redis.js';

import { eventually } from '../support/eventually.js';
import { startTcpProxy, type TcpProxy } from '../support/faults/tcpProxy.js';
import { theFleet } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';

interface ErrorBody {
  message: string;
  details: { queued: string };
}

describe('A message on its way to Redis', () => {
  let redis: RedisServer;
  let control: Redis;
  let proxy: TcpProxy;
  let service: TestService | undefined;
  beforeEach(async () => {
    redis = await startRedis({ environment: process.env, python: theFleet().python.python });
    control = new Redis(redis.url);
    control.on('error', () => {
      // A spec that kills Redis expects this.
    });
    proxy = await startTcpProxy(redis.port);
  });
  afterEach(async () => {
    await service?.close();
    service = undefined;
    await proxy.close();
    control.disconnect();
    await redis.stop();
  });

  async function start(environment: Record<string, string> = {}): Promise<TestService> {
    service = await startTestService({ REDIS_URL: redis.url, ...environment });
    return service;
  }

  async function refused(status: number): Promise<ErrorBody> {
    const response = await service?.post('/assign-task/').send({ task_type: 'a' }).expect(status);
    return response?.body as ErrorBody;
  }

  const depth = (): Promise<number> => control.llen('worker_queue');

  it('is queued once, and said to be, where its acknowledgement is lost', async () => {
    const { assign } = await start({ REDIS_URL: `redis://127.0.0.1:${proxy.port}/0` });
    await assign('first');
    proxy.swallow('answers');
    await assign('second');
    assert.equal(await depth(), 2);
  });

  it('is queued once where the connection has died without a word', async () => {
    const { assign } = await start({ REDIS_URL: `redis://127.0.0.1:${proxy.port}/0` });
    await assign('first');
    proxy.swallow('everything');
    await assign('second');
    assert.equal(await depth(), 2);
  });

  it('is queued where Redis has forgotten the script', async () => {
    const { assign } = await start();
    await assign('first');
    await control.script('FLUSH');
    await assign('second');
    assert.equal(await depth(), 2);
  });

  it('waits for a replica to become the master', async () => {
    const { assign } = await start();
    await control.replicaof('127.0.0.1', 1);
    const assigned = assign('a');
    await eventually('the service finds a replica', () =>
      service?.lines.find(({ message }) => message.startsWith('No connection')),
    );
    await control.replicaof('NO', 'ONE');
    await assigned;
    assert.equal(await depth(), 1);
  });

  for (const [what, begin, end, reason] of [
    [
      'out of memory',
      () => control.config('SET', 'maxmemory', '1'),
      () => control.config('SET', 'maxmemory', '0'),
      'the message broker is out of memory',
    ],
    [
      'a replica',
      () => control.replicaof('127.0.0.1', 1),
      () => control.replicaof('NO', 'ONE'),
      'the message broker is a read-only replica',
    ],
    [
      'without the replicas that it wants',
      () => control.config('SET', 'min-replicas-to-write', '1'),
      () => control.config('SET', 'min-replicas-to-write', '0'),
      'the message broker has too few replicas',
    ],
  ] as const) {
    it(`is refused with a clear reason by a Redis that is ${what}, and taken when it is not`, async () => {
      const { assign } = await start({ ASSIGN_TIMEOUT_MS: '500' });
      await begin();
      const { message, details } = await refused(500);
      assert.equal(message, `Task 'a' could not be assigned: ${reason}`);
      assert.deepEqual(details, { queued: 'no' });
      await end();
      await eventually('it is taken', async () => {
        const answer = await service?.post('/assign-task/').send({ task_type: 'b' });
        return answer?.status === 200 ? true : undefined;
      });
      await assign('c');
      assert.equal(await depth(), 2);
    });
  }

  it('is refused by a Redis whose user may run no script, which the log explains', async () => {
    await control.call('ACL', 'SETUSER', 'frontend', 'on', '>secret', '~*', '&*', '+@all', '-eval');
    await control.call('ACL', 'SETUSER', 'frontend', '-evalsha');
    await start({ REDIS_URL: redis.url.replace('//', '//frontend:secret@') });
    const { message, details } = await refused(500);
    assert.equal(
      message,
      "Task 'a' could not be assigned: the message broker does not permit EVALSHA",
    );
    assert.deepEqual(details, { queued: 'no' });
    const line = await eventually('the request is logged', () =>
      service?.lines.find(({ fields }) => fields.status === 500),
    );
    assert.match(String(line.fields.cause), /evalsha/);
  });

  it('is taken by a Redis whose user may not let keys expire, and its record expires', async () => {
    await control.call(
      ...(['ACL', 'SETUSER', 'frontend', 'on', '>secret', '~*', '&*'] as const),
      ...['+@all', '-expire'],
    );
    const { assign } = await start({ REDIS_URL: redis.url.replace('//', '//frontend:secret@') });
    await assign('a');
    assert.equal(await depth(), 1);
    const records = await control.keys('orchestrator:producer:*');
    assert.ok(records.length > 0);
    for (const record of records) {
      assert.ok((await control.ttl(record)) > 0);
    }
  });

  it('is refused for the reason of the moment, not for one before it', async () => {
    await start({ ASSIGN_TIMEOUT_MS: '500' });
    await control.replicaof('127.0.0.1', 1);
    assert.match((await refused(500)).message, /: the message broker is a read-only replica$/);
    await redis.kill();
    await eventually('the service finds no server', () =>
      service?.lines.find(({ fields }) => String(fields.reason).includes('ECONNREFUSED')),
    );
    const { message, details } = await refused(500);
    assert.equal(message, "Task 'a' could not be assigned: the message broker can't be reached");
    assert.deepEqual(details, { queued: 'no' });
  });

  const evictionWarnings = () =>
    service?.lines.filter(({ level, message }) => level === 'warning' && /evict/i.test(message)) ??
    [];

  it('is not safe in a Redis that evicts keys, of which the log warns once', async () => {
    await control.config('SET', 'maxmemory-policy', 'volatile-lru');
    const { assign } = await start();
    await eventually('the warning', () => evictionWarnings()[0]);
    await assign('a');
    assert.equal(evictionWarnings().length, 1);
  });

  it('is safe in a Redis that evicts nothing, and the log warns of none', async () => {
    const { assign } = await start();
    await assign('a');
    assert.deepEqual(evictionWarnings(), []);
  });

  it('is taken by a queue until its depth is QUEUE_MAX_DEPTH, all priorities counted', async () => {
    const { assign, post } = await start({ QUEUE_MAX_DEPTH: '3' });
    await control.lpush('worker_queue\x06\x163', 'a message of priority 3');
    await Promise.all([assign('a'), assign('b')]);
    const { message, details } = await refused(503);
    assert.equal(message, "Task 'a' could not be assigned: its queue is full");
    assert.deepEqual(details, { queued: 'no' });
    const response = await post('/assign-task/').send({ task_type: 'a' }).expect(503);
    assert.equal(response.headers['retry-after'], '1');
    await control.rpop('worker_queue');
    await assign('c');
    assert.equal(await depth(), 2);
  });

  describe('with REDIS_WAIT_REPLICAS=1', () => {
    it('is not said to be queued before a replica has it', async () => {
      await start({ REDIS_WAIT_REPLICAS: '1', ASSIGN_TIMEOUT_MS: '500' });
      const { message, details } = await refused(500);
      assert.equal(
        message,
        "Task 'a' could not be assigned: too few replicas of the message broker acknowledged in time",
      );
      assert.deepEqual(details, { queued: 'unknown' });
      assert.equal(await depth(), 1);
    });

    it('is said to be queued when one has it', async () => {
      const replica = await startRedis({
        environment: process.env,
        python: theFleet().python.python,
        arguments: [
          '--replicaof',
          '127.0.0.1',
          String(redis.port),
          '--repl-diskless-sync-delay',
          '0',
        ],
      });
      const copy = new Redis(replica.url);
      try {
        const { assign } = await start({ REDIS_WAIT_REPLICAS: '1', ASSIGN_TIMEOUT_MS: '10000' });
        for (let count = 1; count <= 20; count++) {
          await assign('a');
          assert.equal(await copy.llen('worker_queue'), count);
        }
      } finally {
        copy.disconnect();
        await replica.stop();
      }
    });
  });
});
