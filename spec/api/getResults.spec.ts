import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../stack/redis.js';
import { theFleet } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';
import { resultOf, type ResultBody } from '../support/tasks.js';

interface Results {
  results: (Partial<ResultBody> & { message?: string })[];
  timestamp: string;
}

describe('GET /results', () => {
  let redis: RedisServer;
  let control: Redis;
  let service: TestService;
  before(async () => {
    redis = await startRedis({ environment: process.env, python: theFleet().python.python });
    control = new Redis(redis.url);
    service = await startTestService({ REDIS_URL: redis.url });
  });
  beforeEach(() => control.flushall());
  after(async () => {
    await service.close();
    control.disconnect();
    await redis.stop();
  });

  const store = (id: string, meta: string) => control.set(`celery-task-meta-${id}`, meta);
  const success = (result: string) => `{"status": "SUCCESS", "result": ${result}}`;
  const read = async (query: string, from: TestService = service) =>
    (await from.get(`/results?${query}`).expect(200)).body as Results;
  const ids = ({ results }: Results) => results.map(({ task_id }) => task_id);

  it('answers for tasks of a worker as GET /result does, in the order asked', async () => {
    const fleet = await startTestService({ TASK_NAMESPACES: 'worker,automation' });
    const done = await fleet.assign('automation.give', { value: [1, { a: null }] });
    const failed = await fleet.assign('automation.fail', { kind: 'one argument' });
    const asked = [failed, 'never-assigned', done];
    await resultOf(fleet, done);
    await resultOf(fleet, failed);
    const { results, timestamp } = await read(`ids=${asked.join(',')}`, fleet);
    assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 5_000);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['failed', 'pending', 'completed'],
    );
    for (const [index, id] of asked.entries()) {
      const single = (await fleet.get(`/result/${id}`).expect(200)).body as ResultBody;
      assert.deepEqual({ ...results[index], timestamp: '' }, { ...single, timestamp: '' });
    }
    await fleet.close();
  });

  it('keeps every digit of a result, and of progress', async () => {
    await store('a', success('{"n": 9007199254740993, "x": 1.0}'));
    await store('b', '{"status": "PROGRESS", "result": {"current": 12345678901234567890}}');
    const { text } = await service.get('/results?ids=a,b').expect(200);
    assert.ok(text.includes('{"n": 9007199254740993, "x": 1.0}'));
    assert.ok(text.includes('{"current": 12345678901234567890}'));
  });

  it('tells of one that can’t be read in its place, and of the others as ever', async () => {
    await store('good', success('1'));
    await control.set('celery-task-meta-pickle', Buffer.from([0x80, 0x04, 0x4b, 0x01, 0x2e]));
    await store('broken', '{"status": ');
    const { results } = await read('ids=pickle,good,broken,none');
    assert.deepEqual(
      results.map(({ task_id, status, state }) => [task_id, status, state]),
      [
        ['pickle', 'error', undefined],
        ['good', 'completed', 'SUCCESS'],
        ['broken', 'error', undefined],
        ['none', 'pending', 'PENDING'],
      ],
    );
    assert.match(results[0]?.message ?? '', /^The result could not be retrieved: .*pickle/);
    assert.match(results[2]?.message ?? '', /is not JSON$/);
  });

  it('answers once for an id that is repeated, where it stands first', async () => {
    assert.deepEqual(ids(await read('ids=b,a,b,c,a')), ['b', 'a', 'c']);
    assert.deepEqual(ids(await read('ids=b,a&ids=c&ids=b')), ['b', 'a', 'c']);
  });

  it('takes a thousand short ids, and 400 UUIDs', async () => {
    const short = Array.from({ length: 1_000 }, (_, index) => `t${index}`);
    assert.deepEqual(ids(await read(`ids=${short.join(',')}`)), short);
    const uuids = Array.from({ length: 400 }, () => crypto.randomUUID());
    assert.deepEqual(ids(await read(`ids=${uuids.join(',')}`)), uuids);
    const fields = service.lines.at(-1)?.fields;
    assert.equal(fields?.tasks, 400);
    assert.ok(JSON.stringify(fields).length < 400);
  });

  const many = Array.from({ length: 1_001 }, (_, index) => String(index)).join(',');
  for (const [what, query, pointer, message] of [
    ['no ids', '', '/ids', 'is required'],
    ['none between commas', 'ids=,,', '/ids', 'must NOT have fewer than 1 items'],
    ['1,001 ids', `ids=${many}`, '/ids', 'must NOT have more than 1000 items'],
    ['a space in one', 'ids=a,b%20c', '/ids/1', 'must be letters, digits and _'],
    ['a plus that means a space', 'ids=a+b', '/ids/0', 'must be letters, digits and _'],
    ['an id of 256 characters', `ids=${'a'.repeat(256)}`, '/ids/0', 'must NOT have more'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const response = await service.get(`/results?${query}`).expect(400);
      const [fault] = (
        response.body as { details: { errors: { in: string; pointer: string; message: string }[] } }
      ).details.errors;
      assert.equal(fault?.in, 'query');
      assert.equal(fault.pointer, pointer);
      assert.ok(fault.message.startsWith(message), fault.message);
    });
  }

  it('is 431 with more than the head of a request holds', async () => {
    const uuids = Array.from({ length: 1_000 }, () => crypto.randomUUID());
    await service.get(`/results?ids=${uuids.join(',')}`).expect(431);
  });

  it('leaves out what does not fit into one answer, and says so', async () => {
    const megabyte = success(`"${'x'.repeat(1024 * 1024)}"`);
    const asked = Array.from({ length: 60 }, (_, index) => `large-${index}`);
    for (const id of asked) {
      await store(id, megabyte);
    }
    const { results } = await read(`ids=${asked.join(',')}`);
    assert.equal(results.length, 60);
    const left = results.filter(({ status }) => status === 'error');
    assert.deepEqual(
      left.map(({ task_id }) => task_id),
      asked.slice(50),
    );
    assert.match(left[0]?.message ?? '', /those before it fill the answer$/);
    assert.equal((await read('ids=large-59')).results[0]?.status, 'completed');
  });

  it('is a 500 while Redis does not answer, in time', async () => {
    const away = await startTestService({
      REDIS_URL: 'redis://127.0.0.1:1/0',
      RESULT_TIMEOUT_MS: '300',
    });
    const start = performance.now();
    const response = await away.get('/results?ids=a,b').expect(500);
    assert.ok(performance.now() - start < 500);
    assert.equal(
      (response.body as { message: string }).message,
      "The results could not be retrieved: the result backend can't be reached",
    );
    await away.close();
  });

  it('shows tracebacks where they are shown', async () => {
    const showing = await startTestService({ REDIS_URL: redis.url, EXPOSE_TRACEBACKS: 'true' });
    await store(
      'f',
      '{"status": "FAILURE", "result": {"exc_type": "E", "exc_message": ["m"], "exc_module": "x"}, "traceback": "T"}',
    );
    assert.equal((await read('ids=f', showing)).results[0]?.traceback, 'T');
    assert.equal((await read('ids=f')).results[0]?.traceback, undefined);
    await showing.close();
  });
});
