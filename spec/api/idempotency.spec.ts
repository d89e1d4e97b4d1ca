import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import type { Test } from 'supertest';
import { startRedis, type RedisServer } from '../../stack/redis.js';
import { theFleet } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';

const BODY = '{"task_type": "a", "params": {"n": 1.0}}';

describe('An Idempotency-Key', () => {
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

  const send = (key: string, body = BODY, to: TestService = service): Test =>
    to.post('/assign-task/').set('Idempotency-Key', key).type('json').send(body);
  const depth = (): Promise<number> => control.llen('worker_queue');

  it('gives the first answer again, and says so', async () => {
    const first = await send('one').expect(200);
    const again = await send('one').expect(200);
    assert.equal(again.text, first.text);
    assert.equal(first.headers['idempotent-replayed'], undefined);
    assert.equal(again.headers['idempotent-replayed'], 'true');
    assert.equal(await depth(), 1);
    const line = service.lines.find(({ fields }) => fields.repeated);
    assert.equal(line?.fields.task_id, (first.body as { task_id: string }).task_id);
  });

  it('makes one task of requests that come at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => send('at once').expect(200)),
    );
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
    assert.equal(await depth(), 1);
  });

  it('gives it from another instance too', async () => {
    const other = await startTestService({ REDIS_URL: redis.url });
    const first = await send('shared').expect(200);
    const again = await send('shared', BODY, other).expect(200);
    await other.close();
    assert.equal(again.text, first.text);
    assert.equal(await depth(), 1);
  });

  for (const [what, other] of [
    ['other params', '{"task_type": "a", "params": {"n": 2}}'],
    ['a number that Python tells apart', '{"task_type": "a", "params": {"n": 1}}'],
    ['other white space', `${BODY} `],
  ] as const) {
    it(`is refused with ${what}, and assigns nothing`, async () => {
      await send('used').expect(200);
      const response = await send('used', other).expect(422);
      assert.match((response.body as { message: string }).message, /used before with another body/);
      assert.equal(await depth(), 1);
    });
  }

  it('is remembered for IDEMPOTENCY_TTL seconds, and makes a new task afterwards', async () => {
    const brief = await startTestService({ REDIS_URL: redis.url, IDEMPOTENCY_TTL: '77' });
    const first = await send('brief', BODY, brief).expect(200);
    const [claim = ''] = await control.keys('orchestrator:claim:*');
    assert.equal(await control.ttl(claim), 77);
    await control.del(claim);
    const second = await send('brief', BODY, brief).expect(200);
    await brief.close();
    assert.notEqual(second.text, first.text);
    assert.equal(await depth(), 2);
  });

  it('shows neither itself nor the params in Redis', async () => {
    await send('a-secret-key', '{"task_type": "a", "params": {"n": "confidential"}}').expect(200);
    const [claim = ''] = await control.keys('orchestrator:claim:*');
    assert.doesNotMatch(`${claim} ${String(await control.get(claim))}`, /secret|confidential/);
  });

  it('is not remembered of a request that was refused', async () => {
    await send('retried', '{"task_type": 1}').expect(400);
    await control.config('SET', 'maxmemory', '1');
    const refused = await send('retried').expect(500);
    await control.config('SET', 'maxmemory', '0');
    assert.deepEqual((refused.body as { details: object }).details, { queued: 'no' });
    await send('retried').expect(200);
    assert.equal(await depth(), 1);
  });

  it('is not remembered of a task that its queue would not take', async () => {
    const limited = await startTestService({ REDIS_URL: redis.url, QUEUE_MAX_DEPTH: '1' });
    await send('first', BODY, limited).expect(200);
    await send('second', BODY, limited).expect(503);
    await send('first', BODY, limited).expect(200);
    await control.del('worker_queue');
    await send('second', BODY, limited).expect(200);
    await limited.close();
  });

  it('is not remembered of a task whose list was no list, by a user who may delete nothing', async () => {
    await control.call('ACL', 'SETUSER', 'frontend', 'on', '>secret', '~*', '&*', '+@all', '-del');
    const url = redis.url.replace('//', '//frontend:secret@');
    const restricted = await startTestService({ REDIS_URL: url });
    await control.set('worker_queue', 'x');
    const refused = await send('restricted', BODY, restricted).expect(500);
    assert.deepEqual((refused.body as { details: object }).details, { queued: 'no' });
    await control.del('worker_queue');
    const assigned = await send('restricted', BODY, restricted).expect(200);
    await restricted.close();
    assert.equal(assigned.headers['idempotent-replayed'], undefined);
    assert.equal(await depth(), 1);
  });

  it('belongs to one API key', async () => {
    const keys = { ours: 'our-secret-0123456789', theirs: 'their-secret-0123456789' };
    const guarded = await startTestService({
      REDIS_URL: redis.url,
      API_KEYS: `ours=${keys.ours},theirs=${keys.theirs}`,
    });
    const ours = await send('same', BODY, guarded).set('x-api-key', keys.ours).expect(200);
    const theirs = await send('same', BODY, guarded).set('x-api-key', keys.theirs).expect(200);
    await guarded.close();
    assert.notEqual(theirs.text, ours.text);
    assert.equal(await depth(), 2);
  });

  for (const [what, key] of [
    ['longer than 255 characters', 'k'.repeat(256)],
    ['empty', ''],
  ] as const) {
    it(`is refused where it is ${what}`, async () => {
      const response = await send(key).expect(400);
      assert.match((response.body as { message: string }).message, /Idempotency-Key/);
    });
  }

  it('lies under the key prefix of the broker', async () => {
    const prefixed = await startTestService({
      REDIS_URL: redis.url,
      CELERY_BROKER_GLOBAL_KEYPREFIX: 'pre:',
    });
    await send('prefixed', BODY, prefixed).expect(200);
    await prefixed.close();
    assert.equal((await control.keys('pre:orchestrator:claim:*')).length, 1);
  });
});
