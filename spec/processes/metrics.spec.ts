import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { startRedis, type RedisServer } from '../../stack/redis.js';
import { openConnection } from '../support/connection.js';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';
import { samplesIn, sumIn } from '../support/metrics.js';
import { findPrometheus } from '../support/prometheus.js';
import { pageFile } from '../support/pageFiles.js';
import { startTestService, type TestService } from '../support/service.js';

const KEY = 'metrics-secret-0123456789';

async function textOf(service: TestService): Promise<string> {
  return (await service.get('/metrics').expect(200)).text;
}

/** Reads the metrics until `accept` takes them: a request is counted when its connection has taken the answer. */
function untilMetrics(service: TestService, accept: (text: string) => boolean): Promise<string> {
  return eventually('the metrics', async () => {
    const text = await textOf(service);
    return accept(text) ? text : undefined;
  });
}

describe('GET /metrics', () => {
  let service: TestService;
  beforeEach(async () => {
    service = await startTestService({ TASK_ROUTES: 'worker.*=metrics_queue' });
  });
  afterEach(() => service.close());

  it('is Prometheus’s text format, and no cache keeps it', async () => {
    const answer = await service.get('/metrics').expect(200);
    assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.equal(sumIn(answer.text, 'orchestrator_build_info'), 1);
    const names = new Set(samplesIn(answer.text).map(({ name }) => name));
    for (const name of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds']) {
      assert.ok(names.has(name), name);
    }
    assert.deepEqual(
      [...names].filter((name) => !/^(orchestrator|process|nodejs)_/.test(name)),
      [],
    );
  });

  it('passes the checks of promtool', async function () {
    this.timeout(120_000);
    const prometheus = await findPrometheus();
    if (typeof prometheus === 'string') {
      process.stdout.write(`    skipped: ${prometheus}\n`);
      this.skip();
    }
    await service.assign('test_task');
    await service.get('/nothing%22%5C').expect(404);
    const checking = spawn(prometheus.promtool, ['check', 'metrics'], { stdio: 'pipe' });
    let said = '';
    checking.stderr.on('data', (data) => (said += String(data)));
    checking.stdout.on('data', (data) => (said += String(data)));
    checking.stdin.end(await textOf(service));
    const [code] = (await once(checking, 'close')) as [number];
    assert.deepEqual({ code, said }, { code: 0, said: '' });
  });

  it('counts and times requests by the contract’s path, method and status', async () => {
    await service.get('/result/one').expect(200);
    await service.get('/result/two/').expect(200);
    await service.request('head', '/result/three').expect(200);
    await service.post('/assign-task/').send({}).expect(400);
    await service.request('delete', '/result/four').expect(405);
    const { socket, received, closed } = await openConnection(service.url);
    socket.write('PROPFIND /result/five HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await closed;
    assert.match(received(), /^HTTP\/1.1 405 /);
    for (const path of ['/made-up', '/made-up/two', '/wp-admin.php']) {
      await service.get(path).expect(404);
    }
    await service.get(pageFile('docs', /\.css$/)).expect(200);

    const name = 'orchestrator_http_requests_total';
    const text = await untilMetrics(
      service,
      (candidate) => sumIn(candidate, name, { route: 'unmatched', status: '200' }) === 1,
    );
    const counted = samplesIn(text)
      .filter((sample) => sample.name === name && sample.labels.route !== '/metrics')
      .map(({ labels: { route = '', method = '', status = '' }, value }) => [
        `${method} ${route} ${status}`,
        value,
      ]);
    assert.deepEqual(Object.fromEntries(counted), {
      'GET /result/{task_id} 200': 2,
      'HEAD /result/{task_id} 200': 1,
      'POST /assign-task/ 400': 1,
      'DELETE unmatched 405': 1,
      'other unmatched 405': 1,
      'GET unmatched 404': 3,
      'GET unmatched 200': 1,
    });
  });

  it('has buckets that grow up to the count, and none that a client chooses', async () => {
    await service.get('/result/one').expect(200);
    const labels = { route: '/result/{task_id}', method: 'GET' };
    const text = await untilMetrics(
      service,
      (candidate) =>
        sumIn(candidate, 'orchestrator_http_request_duration_seconds_count', labels) === 1,
    );
    const buckets = samplesIn(text).filter(
      ({ name, labels: { route } }) =>
        name === 'orchestrator_http_request_duration_seconds_bucket' && route === labels.route,
    );
    const values = buckets.map(({ value }) => value);
    assert.deepEqual(
      values,
      values.toSorted((a, b) => a - b),
    );
    assert.deepEqual([buckets.at(-1)?.labels.le, values.at(-1)], ['+Inf', 1]);
    const seconds = sumIn(text, 'orchestrator_http_request_duration_seconds_sum', labels);
    assert.ok(seconds > 0 && seconds < 5, String(seconds));
  });

  it('tells of requests in flight, and of those that were cut', async () => {
    const redis = await startRedis({ environment: process.env, python: theFleet().python.python });
    const slow = await startTestService({
      REDIS_URL: redis.url,
      RESULT_TIMEOUT_MS: '20000',
      HEALTH_TIMEOUT_MS: '200',
    });
    try {
      redis.pause();
      const { socket } = await openConnection(slow.url);
      socket.write('GET /result/a HTTP/1.1\r\nHost: a\r\n\r\n');
      await untilMetrics(slow, (text) => sumIn(text, 'orchestrator_http_requests_in_flight') === 2);
      socket.destroy();
      const cut = { route: '/result/{task_id}', method: 'GET', status: 'aborted' };
      const text = await untilMetrics(
        slow,
        (candidate) => sumIn(candidate, 'orchestrator_http_requests_total', cut) === 1,
      );
      assert.equal(sumIn(text, 'orchestrator_http_requests_in_flight'), 1);
    } finally {
      redis.resume();
      await slow.close();
      await redis.stop();
    }
  });

  it('counts assignments by task type and what became of them', async () => {
    const assign = (body: object) => service.post('/assign-task/').send(body);
    const key = `metrics-${String(process.pid)}-${String(Date.now())}`;
    for (const idempotencyKey of [key, key, `${key}-2`]) {
      await assign({ task_type: 'test_task' }).set('Idempotency-Key', idempotencyKey).expect(200);
    }
    await assign({ task_type: 'test_task', params: { a: { __type__: 'x', __value__: 1 } } }).expect(
      400,
    );
    const text = await textOf(service);
    const counted = (outcome: string): number =>
      sumIn(text, 'orchestrator_assignments_total', { task_type: 'test_task', outcome });
    assert.deepEqual(
      ['assigned', 'repeated', 'invalid', 'refused', 'unknown', 'full'].map(counted),
      [2, 1, 1, 0, 0, 0],
    );
    const timed = { task_type: 'test_task' };
    assert.equal(sumIn(text, 'orchestrator_assignment_duration_seconds_count', timed), 4);
    // A rate needs to see where a counter starts.
    const others = { task_type: 'approve_batches', outcome: 'assigned' };
    assert.equal(sumIn(text, 'orchestrator_assignments_total', others), 0);
  });

  it('gives no series to a task type that a client makes up, and one to those that return', async () => {
    const name = 'orchestrator_assignments_total';
    const typesIn = (text: string): Set<unknown> =>
      new Set(samplesIn(text).flatMap((one) => (one.name === name ? [one.labels.task_type] : [])));
    const assignOften = async (taskTypes: readonly string[]): Promise<void> => {
      await Promise.all(taskTypes.map((taskType) => service.assign(taskType)));
    };
    const before = typesIn(await textOf(service));
    await assignOften(Array.from({ length: 300 }, (_, index) => `made_up_${index}`));
    let text = await textOf(service);
    assert.deepEqual(typesIn(text), before);
    assert.equal(sumIn(text, name, { task_type: 'other', outcome: 'assigned' }), 300);

    await assignOften(Array<string>(11).fill('real_one'));
    text = await textOf(service);
    assert.deepEqual(typesIn(text), new Set([...before, 'real_one']));
    assert.equal(sumIn(text, name, { outcome: 'assigned' }), 311);

    for (let index = 0; index < 110; index += 1) {
      await assignOften(Array<string>(10).fill(`real_${index}`));
    }
    await assignOften(['real_0', 'real_109', 'real_one']);
    text = await textOf(service);
    assert.equal(typesIn(text).size, before.size + 100);
    assert.equal(sumIn(text, name, { task_type: 'real_0', outcome: 'assigned' }), 2);
    assert.equal(sumIn(text, name, { outcome: 'assigned' }), 311 + 1_100 + 3);
  });
});

describe('GET /metrics and Redis', () => {
  let redis: RedisServer;
  let service: TestService;
  beforeEach(async () => {
    redis = await startRedis({ environment: process.env, python: theFleet().python.python });
    service = await startTestService({
      REDIS_URL: redis.url,
      TASK_ROUTES: 'worker.a*=first,worker.b*=second',
      TASK_QUEUE: 'third',
      CELERY_BROKER_GLOBAL_KEYPREFIX: 'p:',
      HEALTH_TIMEOUT_MS: '300',
      QUEUE_MAX_DEPTH: '3',
    });
  });
  afterEach(async () => {
    await service.close();
    await redis.stop();
  });

  it('tells of each queue by priority, and leaves out what is no queue', async () => {
    const client = new Redis(redis.url);
    await client.lpush('p:first', 'a', 'b');
    await client.lpush('p:first\x06\x166', 'c');
    await client.set('p:second', 'no list');
    await client.quit();
    const text = await textOf(service);
    const depth = (labels: Record<string, string>): number =>
      sumIn(text, 'orchestrator_queue_depth', labels);
    const byPriority = ['0', '3', '6', '9'].map((priority) => depth({ queue: 'first', priority }));
    assert.deepEqual(byPriority, [2, 0, 1, 0]);
    assert.deepEqual(depth({ queue: 'second', priority: '0' }), NaN);
    assert.deepEqual(depth({ queue: 'third' }), 0);
    assert.equal(sumIn(text, 'orchestrator_redis_up'), 2);
  });

  it('counts what a full queue does not take', async () => {
    for (const status of [200, 200, 200, 503]) {
      await service.post('/assign-task/').send({ task_type: 'test_task' }).expect(status);
    }
    const text = await textOf(service);
    const full = { task_type: 'test_task', outcome: 'full' };
    assert.equal(sumIn(text, 'orchestrator_assignments_total', full), 1);
    assert.equal(sumIn(text, 'orchestrator_queue_depth', { queue: 'third' }), 3);
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
    it(`answers in time without what is not known when Redis ${what}`, async () => {
      await untilMetrics(service, (text) => sumIn(text, 'orchestrator_redis_up') === 2);
      await fail();
      const start = performance.now();
      const texts = await Promise.all(Array.from({ length: 20 }, () => textOf(service)));
      const milliseconds = performance.now() - start;
      assert.ok(milliseconds < 1_500, `${milliseconds} ms`);
      for (const text of texts) {
        assert.ok(Number.isNaN(sumIn(text, 'orchestrator_queue_depth')));
        assert.deepEqual(
          ['broker', 'backend'].map((role) => sumIn(text, 'orchestrator_redis_up', { role })),
          [0, 0],
        );
        assert.ok(sumIn(text, 'process_resident_memory_bytes') > 0);
      }
      await repair();
      await untilMetrics(service, (text) => sumIn(text, 'orchestrator_queue_depth') === 0);
    });
  }
});

describe('GET /metrics and keys', () => {
  async function withService(
    environment: Readonly<Record<string, string>>,
    use: (service: TestService) => Promise<void>,
  ): Promise<void> {
    const service = await startTestService({ API_KEYS: `prometheus=${KEY}`, ...environment });
    try {
      await use(service);
    } finally {
      await service.close();
    }
  }

  it('wants a key in x-api-key or as a bearer’s, which no other operation takes', async () => {
    await withService({}, async (service) => {
      await service.get('/metrics').expect(401);
      await service.get('/metrics').set('x-api-key', `${KEY}x`).expect(401);
      await service.get('/metrics').set('x-api-key', KEY).expect(200);
      for (const scheme of ['Bearer', 'bearer ', 'BEARER']) {
        await service.get('/metrics').set('Authorization', `${scheme} ${KEY}`).expect(200);
      }
      for (const wrong of [
        `Bearer ${KEY}x`,
        `Bearer ${KEY} ${KEY}`,
        `Basic ${KEY}`,
        KEY,
        'Bearer',
      ]) {
        await service.get('/metrics').set('Authorization', wrong).expect(401);
      }
      // Whoever sends both means the service's own header.
      const both = service.get('/metrics').set('Authorization', `Bearer ${KEY}`);
      await both.set('x-api-key', 'other').expect(401);
      await service.get('/result/a').set('Authorization', `Bearer ${KEY}`).expect(401);
    });
  });

  it('wants none with METRICS_PUBLIC, and the contract says so', async () => {
    await withService({ METRICS_PUBLIC: 'true' }, async (service) => {
      await service.get('/metrics').expect(200);
      await service.get('/result/a').expect(401);
      const contract = await service.get('/openapi.json').expect(200);
      const { paths } = contract.body as { paths: Record<string, { get: { security: unknown } }> };
      assert.deepEqual(paths['/metrics']?.get.security, []);
    });
  });

  it('is there when a caller’s requests are used up, and when all places are taken', async () => {
    const redis = await startRedis({ environment: process.env, python: theFleet().python.python });
    const limits = {
      REDIS_URL: redis.url,
      RATE_LIMIT_PER_MINUTE: '1',
      MAX_REQUESTS_IN_FLIGHT: '1',
      RESULT_TIMEOUT_MS: '20000',
      HEALTH_TIMEOUT_MS: '200',
    };
    try {
      await withService(limits, async (service) => {
        const ask = (path: string) => service.get(path).set('x-api-key', KEY);
        await ask('/result/a').expect(200);
        await ask('/result/a').expect(429);
        const metrics = await ask('/metrics').expect(200);
        assert.equal(metrics.headers.ratelimit, undefined);
        redis.pause();
        const waiting = await openConnection(service.url);
        waiting.socket.write(`GET /result/a HTTP/1.1\r\nHost: a\r\nX-API-Key: ${KEY}\r\n\r\n`);
        await eventually('the place is taken', async () =>
          (await ask('/result/b')).status === 503 ? true : undefined,
        );
        await ask('/metrics').expect(200);
        redis.resume();
        waiting.socket.destroy();
      });
    } finally {
      await redis.stop();
    }
  });
});
