import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../stack/redis.js';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';
import { jsonObjectTexts } from '../support/json.js';
import { startTestService, type TestService } from '../support/service.js';
import { resultOf } from '../support/tasks.js';

interface Answer {
  task_id: string;
  status: string;
  message: string;
  timestamp: string;
}

interface ErrorBody {
  message: string;
  details: { queued?: string; errors?: { pointer: string; message: string }[] };
}

describe('POST /assign-tasks/', () => {
  let redis: RedisServer;
  let control: Redis;
  let service: TestService;
  before(async () => {
    redis = await startRedis({ environment: process.env, python: theFleet().python.python });
    control = new Redis(redis.url);
    service = await startTestService({
      REDIS_URL: redis.url,
      TASK_NAMESPACES: 'worker,automation',
    });
  });
  beforeEach(async () => {
    await control.flushall();
    service.lines.length = 0;
  });
  after(async () => {
    await service.close();
    control.disconnect();
    await redis.stop();
  });

  const send = (body: object | string, to: TestService = service) =>
    to
      .post('/assign-tasks/')
      .type('json')
      .send(typeof body === 'string' ? body : JSON.stringify(body));
  const types = (...names: string[]) => names.map((task_type) => ({ task_type }));
  const depth = (queue = 'worker_queue') => control.llen(queue);
  /** Oldest first. */
  const messages = async (queue = 'worker_queue') =>
    (await control.lrange(queue, 0, -1)).reverse().map((text) => JSON.parse(text) as Message);
  const assertNothingQueued = async () => {
    const left = await control.keys('*');
    assert.deepEqual(
      left.filter((key) => !key.startsWith('orchestrator:producer:')),
      [],
    );
  };

  it('assigns tasks that workers run, and answers for each in order', async () => {
    const fleet = await startTestService({ TASK_NAMESPACES: 'worker,automation' });
    const bodies = ['a', 'b', 'c'].map((value) => ({
      task_type: 'automation.give',
      params: { value },
    }));
    const answers = (await send([...bodies, { task_type: 'test_task' }], fleet).expect(200))
      .body as Answer[];
    assert.deepEqual(
      answers.map(({ status, message }) => [status, message]),
      ['automation.give', 'automation.give', 'automation.give', 'test_task'].map((name) => [
        'assigned',
        `Task '${name}' successfully assigned`,
      ]),
    );
    for (const [index, value] of ['a', 'b', 'c'].entries()) {
      assert.equal((await resultOf(fleet, answers[index]?.task_id ?? '')).result, value);
    }
    await fleet.close();
  });

  it('makes the messages that single assignments make, of params of every kind', async () => {
    const seed = Date.now();
    const items = fc
      .sample(jsonObjectTexts(), { numRuns: 100, seed })
      .map((params, index) => `\n{"task_type": "t${index % 7}", "params":${params} }\t`);
    items.push(
      '{"task_type": "none"}',
      '{"params": {}, "task_type": "a", "params": {"]": "},[\\""}}',
    );
    for (const item of items) {
      await service.post('/assign-task/').type('json').send(item).expect(200);
    }
    const single = await messages();
    await control.del('worker_queue');
    const answers = (await send(`[${items.join(',')}]`).expect(200)).body as Answer[];
    const together = await messages();
    assert.deepEqual(together.map(comparable), single.map(comparable), `seed ${seed}`);
    assert.deepEqual(
      together.map(({ headers }) => headers.id),
      answers.map(({ task_id }) => task_id),
    );
    const tags = together.map(({ properties }) => properties.delivery_tag);
    assert.equal(new Set(tags).size, items.length);
  });

  it('takes a thousand, each with its own options, in one step, and tells of them in one log line', async () => {
    const subscriber = new Redis(redis.url);
    let events = 0;
    subscriber.on('message', () => (events += 1));
    await subscriber.subscribe('/0.celeryev/task.sent');
    const body = Array.from({ length: 1_000 }, (_, index) => ({
      task_type: 'a',
      params: { index },
      options: { task_id: `chosen-${index}`, ...(index % 10 === 9 && { priority: 9 }) },
    }));
    const answers = (await send(body).expect(200)).body as Answer[];
    assert.deepEqual(
      answers.map(({ task_id }) => task_id),
      body.map(({ options }) => options.task_id),
    );
    assert.equal(await depth(), 900);
    assert.equal(await depth('worker_queue\x06\x169'), 100);
    await eventually('all events', () => events === 1_000 || undefined);
    subscriber.disconnect();
    const { fields } = await eventually('the log line', () => service.lines.at(-1));
    assert.equal(fields.tasks, 1_000);
    assert.ok(JSON.stringify(fields).length < 400);
  });

  it('compresses large messages among small ones', async () => {
    const compressing = await startTestService({
      REDIS_URL: redis.url,
      TASK_COMPRESSION: 'gzip',
      TASK_COMPRESSION_THRESHOLD_BYTES: '1000',
    });
    const text = 'x'.repeat(5_000);
    await send([{ task_type: 'a' }, { task_type: 'b', params: { text } }], compressing).expect(200);
    await compressing.close();
    const [small, large] = await messages();
    assert.equal(small?.headers.compression, undefined);
    assert.equal(large?.headers.compression, 'application/x-gzip');
  });

  const kombus = { x: { __type__: 'money', __value__: 1 } };
  const refused: [what: string, body: unknown, faults: [string, string][]][] = [
    ['an object', { task_type: 'a' }, [['', 'must be array']]],
    ['an empty list', [], [['', 'must NOT have fewer than 1 items']]],
    [
      '1,001 tasks',
      Array(1_001).fill({ task_type: 'a' }),
      [['', 'must NOT have more than 1000 items']],
    ],
    ['a task that is null', [{ task_type: 'a' }, null], [['/1', 'must be object']]],
    [
      'two that are not valid',
      [
        ...types('a'),
        { params: {} },
        ...types('b'),
        { task_type: 'approve_batches', params: { batch_ids: 1 } },
      ],
      [
        ['/1/task_type', 'is required'],
        ['/3/params/batch_ids', 'must be array'],
      ],
    ],
    [
      'options that can not be had',
      [
        ...types('a'),
        { task_type: 'b', options: { queue: 'none' } },
        { task_type: 'c', options: { expires: '2020-01-01T00:00:00Z' } },
      ],
      [
        ['/1/options/queue', 'must be one of [automation_queue, worker_queue]'],
        ['/2/options/expires', 'must be in the future'],
      ],
    ],
    [
      'the same id twice',
      ['x', 'y', 'x'].map((task_id) => ({ task_type: 'a', options: { task_id } })),
      [['/2/options/task_id', 'is that of a task before it']],
    ],
    [
      'what a worker could not read',
      [
        ...types('a'),
        { task_type: 'b', params: kombus },
        { task_type: 'c', options: { headers: kombus } },
      ],
      [
        ['/1/params/x', 'has a __type__'],
        ['/2/options/headers/x', 'has a __type__'],
      ],
    ],
  ];
  for (const [what, body, faults] of refused) {
    it(`refuses ${what}, and sends nothing`, async () => {
      const response = await send(body as object).expect(400);
      const { errors = [] } = (response.body as ErrorBody).details;
      assert.deepEqual(
        errors.map(({ pointer }) => pointer),
        faults.map(([pointer]) => pointer),
      );
      for (const [index, [, message]] of faults.entries()) {
        assert.ok(errors[index]?.message.startsWith(message), errors[index]?.message);
      }
      await assertNothingQueued();
    });
  }

  it('names the first hundred of more faults', async () => {
    const body = Array(200).fill({ task_type: 'a', options: { queue: 'none' } }) as object[];
    const response = await send(body).expect(400);
    assert.equal((response.body as ErrorBody).details.errors?.length, 100);
  });

  it('names the item that has a number which Python could not hold', async () => {
    const response = await send(
      '[{"task_type":"a"},{"task_type":"a","params":{"n":1e400}}]',
    ).expect(400);
    assert.equal((response.body as ErrorBody).details.errors?.[0]?.pointer, '/1/params/n');
  });

  it('queues all or none where QUEUE_MAX_DEPTH has room for a part, in any of the queues', async () => {
    const limited = await startTestService({
      REDIS_URL: redis.url,
      QUEUE_MAX_DEPTH: '3',
      TASK_NAMESPACES: 'worker,automation',
    });
    await send(types('a', 'automation.b', 'automation.b'), limited).expect(200);
    const mixed = types('a', 'automation.b', 'a', 'automation.b');
    const response = await send(mixed, limited).set('Idempotency-Key', 'full').expect(503);
    assert.equal(response.headers['retry-after'], '1');
    const { message, details } = response.body as ErrorBody;
    assert.equal(
      message,
      'The 4 tasks could not be assigned: their queues have no room for all of them',
    );
    assert.equal(details.queued, 'no');
    assert.deepEqual([await depth(), await depth('automation_queue')], [1, 2]);
    await control.del('automation_queue');
    await send(mixed, limited).set('Idempotency-Key', 'full').expect(200);
    assert.deepEqual([await depth(), await depth('automation_queue')], [3, 2]);
    await limited.close();
  });

  it('queues none where Redis refuses one in the middle, and says so', async () => {
    await control.set('automation_queue', 'not a list');
    const body = types('a', 'automation.b', 'c');
    const response = await send(body).set('Idempotency-Key', 'refused').expect(500);
    const { message, details } = response.body as ErrorBody;
    assert.equal(message, 'The 3 tasks could not be assigned: the message broker refused it');
    assert.equal(details.queued, 'no');
    assert.equal(await depth(), 0);
    await control.del('automation_queue');
    await send(body).set('Idempotency-Key', 'refused').expect(200);
    assert.deepEqual([await depth(), await depth('automation_queue')], [2, 1]);
  });

  const own = ['~orchestrator:*', '~_kombu*', '~worker_queue'];
  for (const [what, ...rights] of [
    ['LLEN', '~*', '-llen'],
    ['LPUSH', '~*', '-lpush'],
    ['use one of the queues', ...own],
    ['write one of the queues', ...own, '%R~automation_queue'],
  ]) {
    it(`queues none for a user who may not ${what}`, async () => {
      const user = ['frontend', 'reset', 'on', '>secret', '&*', '+@all', ...rights];
      await control.call('ACL', 'SETUSER', ...user);
      const barred = await startTestService({
        REDIS_URL: redis.url.replace('//', '//frontend:secret@'),
        TASK_NAMESPACES: 'worker,automation',
      });
      const body = types('a', 'automation.b', 'a');
      const response = await send(body, barred).set('Idempotency-Key', 'x').expect(500);
      assert.equal((response.body as ErrorBody).details.queued, 'no');
      await barred.close();
      assert.deepEqual([await depth(), await depth('automation_queue')], [0, 0]);
      await send(body).set('Idempotency-Key', 'x').expect(200);
      assert.deepEqual([await depth(), await depth('automation_queue')], [2, 1]);
    });
  }

  it('takes one Idempotency-Key for the whole list', async () => {
    const body = types('a', 'b', 'c');
    const keyed = (what: object | string) => send(what).set('Idempotency-Key', 'list');
    const answers = await Promise.all([1, 2, 3].map(() => keyed(body).expect(200)));
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
    assert.equal(
      answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true').length,
      2,
    );
    await keyed(types('a', 'b', 'd')).expect(422);
    await service
      .post('/assign-task/')
      .set('Idempotency-Key', 'list')
      .send({ task_type: 'a' })
      .expect(422);
    assert.equal(await depth(), 3);
  });

  it('counts as one request in the limits of bodies', async () => {
    const small = await startTestService({
      REDIS_URL: redis.url,
      BODY_LIMIT_BYTES: '100',
      JSON_MAX_KEYS: '3',
    });
    await send(types('a', 'b', 'c'), small).expect(200);
    await send(types('a', 'b', 'c', 'd'), small).expect(400);
    await send(types('a'.repeat(100)), small).expect(413);
    await small.close();
  });

  it('says of all of them that none is queued while Redis is away', async () => {
    const away = await startTestService({
      REDIS_URL: 'redis://127.0.0.1:1/0',
      ASSIGN_TIMEOUT_MS: '300',
    });
    const start = performance.now();
    const response = await send(types('a', 'b'), away).expect(500);
    assert.ok(performance.now() - start < 300 + 200);
    const { message, details } = response.body as ErrorBody;
    assert.equal(message, "The 2 tasks could not be assigned: the message broker can't be reached");
    assert.equal(details.queued, 'no');
    await away.close();
  });
});

interface Message {
  body: string;
  headers: { id: string; compression?: string } & Record<string, unknown>;
  properties: { delivery_tag: string } & Record<string, unknown>;
}

/** Without what is each message's own. */
function comparable({ headers, properties, ...rest }: Message): unknown {
  const own = { id: '', root_id: '' };
  const tags = { correlation_id: '', delivery_tag: '' };
  return { ...rest, headers: { ...headers, ...own }, properties: { ...properties, ...tags } };
}
