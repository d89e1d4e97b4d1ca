import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../stack/redis.js';
import { networkOf } from '../../src/http/rateLimit.js';
import { theFleet } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';

const KEYS = 'one=one-secret-1234567,two=two-secret-1234567';

describe('RATE_LIMIT_PER_MINUTE', () => {
  let server: RedisServer;
  let redis: Redis;
  let services: TestService[] = [];
  before(async () => {
    server = await startRedis({ environment: process.env, python: theFleet().python.python });
    redis = new Redis(server.url);
  });
  beforeEach(() => redis.flushall());
  afterEach(async () => {
    await Promise.all(services.map((service) => service.close()));
    services = [];
  });
  after(async () => {
    redis.disconnect();
    await server.stop();
  });

  const start = async (environment: Record<string, string>): Promise<TestService> => {
    const service = await startTestService({
      REDIS_URL: server.url,
      RATE_LIMIT_PER_MINUTE: '3',
      ...environment,
    });
    services.push(service);
    return service;
  };

  it('holds for all replicas together, and says how a caller stands', async () => {
    const [one, two] = [await start({}), await start({})];
    for (const [service, left] of [
      [one, 2],
      [two, 1],
      [one, 0],
    ] as const) {
      const { headers } = await service.get('/result/a').expect(200);
      assert.equal(headers['ratelimit-policy'], '"default";q=3;w=60');
      assert.match(headers.ratelimit ?? '', new RegExp(`^"default";r=${left};t=(60|5\\d)$`));
    }
    const refused = await two.post('/assign-task/').send({ task_type: 'a' }).expect(429);
    const retryAfter = Number(refused.headers['retry-after']);
    assert.ok(retryAfter >= 50 && retryAfter <= 60);
    assert.equal(refused.headers.ratelimit, `"default";r=0;t=${retryAfter}`);
    assert.deepEqual(await redis.keys('*quota*'), ['orchestrator:quota:address:127.0.0.1']);
    assert.ok((await redis.ttl('orchestrator:quota:address:127.0.0.1')) > 0);
  });

  it('leaves health and documentation alone, and is off unless it is set', async () => {
    const service = await start({});
    const unlimited = await start({ RATE_LIMIT_PER_MINUTE: '' });
    for (let count = 0; count < 5; count += 1) {
      const { headers } = await service.get('/health').expect(200);
      assert.equal(headers.ratelimit, undefined);
      await service.get('/docs').expect(200);
      await unlimited.get('/result/a').expect(200);
    }
    assert.deepEqual(await redis.keys('*quota*'), []);
  });

  it('counts by key, wherever it comes from, under the key prefix', async () => {
    const service = await start({
      API_KEYS: KEYS,
      TRUST_PROXY: 'true',
      CELERY_RESULT_GLOBAL_KEYPREFIX: 'fleet:',
    });
    const statuses: number[] = [];
    for (const [key, address] of [
      ['one', '192.0.2.1'],
      ['one', '192.0.2.2'],
      ['one', '192.0.2.3'],
      ['one', '192.0.2.4'],
      ['two', '192.0.2.4'],
    ] as const) {
      const answer = await service
        .get('/result/a')
        .set('x-api-key', `${key}-secret-1234567`)
        .set('X-Forwarded-For', address);
      statuses.push(answer.status);
    }
    assert.deepEqual(statuses, [200, 200, 200, 429, 200]);
    assert.deepEqual((await redis.keys('*quota*')).sort(), [
      'fleet:orchestrator:quota:key:one',
      'fleet:orchestrator:quota:key:two',
    ]);
  });

  it('holds for all replicas together while messages wait for replicas of Redis', async () => {
    const environment = {
      RATE_LIMIT_PER_MINUTE: '20',
      REDIS_WAIT_REPLICAS: '1',
      ASSIGN_TIMEOUT_MS: '300',
    };
    const both = [await start(environment), await start(environment)];
    const statuses: number[] = [];
    // One after the other in each of six lanes, so that most come while an earlier message waits.
    const lane = async (service: TestService): Promise<void> => {
      for (let count = 0; count < 10; count += 1) {
        const { status } = await service.post('/assign-task/').send({ task_type: 'a' });
        statuses.push(status);
      }
    };
    await Promise.all([...both, ...both, ...both].map(lane));
    assert.equal(statuses.length, 60);
    const passed = statuses.filter((status) => status !== 429);
    assert.ok(passed.length <= 20, `${passed.length} were let through`);
    const warnings = both.flatMap(({ lines }) =>
      lines.filter(({ message }) => message.includes('does not count')),
    );
    assert.deepEqual(warnings, []);
  });

  it('holds for each process on its own, with little delay, while Redis is silent or gone', async () => {
    const service = await start({ RESULT_TIMEOUT_MS: '1' });
    server.pause();
    try {
      for (const status of [500, 500, 500, 429, 429]) {
        const begin = performance.now();
        const { headers } = await service.get('/result/a').expect(status);
        assert.ok(performance.now() - begin < 400);
        assert.match(headers.ratelimit ?? '', /^"default";r=[0-2];t=\d+$/);
      }
    } finally {
      server.resume();
    }
    const warnings = service.lines.filter(({ message }) => message.includes('does not count'));
    assert.deepEqual(
      warnings.map(({ fields }) => fields.reason),
      ['no answer in time'],
    );
    const gone = await start({ REDIS_URL: 'redis://127.0.0.1:1/0', RESULT_TIMEOUT_MS: '1' });
    for (const status of [500, 500, 500, 429]) {
      await gone.get('/result/a').expect(status);
    }
  });
});

describe('networkOf', () => {
  for (const [address, network] of [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:2::', '2001:db8:1:2::/64'],
    ['2001:db8::7', '2001:db8:0:0::/64'],
    ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['forged', 'unknown'],
    ['', 'unknown'],
  ] as const) {
    it(`counts '${address}' as ${network}`, () => {
      assert.equal(networkOf(address), network);
    });
  }
});
