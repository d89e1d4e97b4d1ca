import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Redis } from 'ioredis';
import { assignmentHead, openConnection, statusesIn } from '../support/connection.js';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';
import { pageFile } from '../support/pageFiles.js';
import { startTestService, type TestService } from '../support/service.js';

describe('Over HTTP', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService({ BODY_LIMIT_BYTES: '2000' });
  });
  after(() => service.close());

  it('says which service it is', async () => {
    const response = await service.get('/').expect(200);
    assert.equal((response.body as { service: string }).service, 'orchestrator_service');
  });

  for (const path of [
    '/health/',
    '/health/live/',
    '/result/a/',
    '/docs/',
    '/openapi.json/',
    '/health//',
    '//',
  ]) {
    it(`ignores the trailing slash of ${path}`, async () => {
      await service.get(path).expect(200);
    });
  }

  for (const path of [
    '/nothing',
    '/assign-task/x',
    '/result',
    '/result/a/b',
    '/docs/nothing.js',
    '/console/nothing.js',
    '/console/console.html',
    '/%ZZ',
    '/docs/index.html',
    '/docs/package.json',
    '/docs/%2e%2e/package.json',
    '/docs/swagger-ui-bundle.js.map',
    '/redoc/..%2fsrc%2fmain.js',
  ]) {
    it(`answers 404 for ${path}`, async () => {
      const response = await service.get(path).expect(404);
      assert.equal((response.body as { status: string }).status, 'error');
    });
  }

  it('answers 405 with Allow', async () => {
    const assign = await service.request('delete', '/assign-task').expect(405);
    assert.equal(assign.headers.allow, 'POST, OPTIONS');
    const health = await service.post('/health').expect(405);
    assert.equal(health.headers.allow, 'HEAD, GET, OPTIONS');
  });

  for (const method of ['FROBNICATE', 'QUERY']) {
    it(`answers 405 with Allow for ${method}, whether this Node.js knows it or not`, async () => {
      const { socket, received } = await openConnection(service.url);
      socket.write(`${method} /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      const answer = await eventually('an answer', () => /^HTTP[^]*\}$/.exec(received())?.[0]);
      assert.match(answer, /^HTTP\/1.1 405 /);
      assert.match(answer, /^Allow: .*\bGET\b.*\bOPTIONS\b/m);
      assert.match(answer, new RegExp(`Method ${method} is not allowed here`));
      socket.destroy();
    });
  }

  it('answers HEAD as GET without a body', async () => {
    const response = await service.request('head', '/health').expect(200);
    assert.equal(response.text, undefined);
    assert.ok(Number(response.headers['content-length']) > 0);
  });

  it('answers 413 for a body over the limit, in its bytes as they are or inflated', async () => {
    const text = JSON.stringify({ task_type: 'test_task', params: { text: 'x'.repeat(2_000) } });
    const response = await service.post('/assign-task/').type('json').send(text).expect(413);
    assert.deepEqual((response.body as { details: unknown }).details, { limit: 2_000 });
    const small = JSON.stringify({ task_type: 'test_task', params: { duration: 0 } });
    await service.post('/assign-task/').type('json').send(small).expect(200);
  });

  it('answers 413 for a small body that inflates over the limit', async () => {
    const bomb = gzipSync(
      JSON.stringify({ task_type: 'a', params: { text: 'x'.repeat(100_000) } }),
    );
    assert.ok(bomb.length < 2_000);
    const response = await fetch(`${service.url}/assign-task/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: bomb,
    });
    assert.equal(response.status, 413);
  });

  it('answers 400 for a body that claims to be compressed and is not', async () => {
    await service
      .post('/assign-task/')
      .type('json')
      .set('Content-Encoding', 'gzip')
      .send('{"task_type":"test_task"}')
      .expect(400);
    await service
      .post('/assign-task/')
      .type('json')
      .set('Content-Encoding', 'nonsense')
      .send('{"task_type":"test_task"}')
      .expect(400);
  });

  it('keeps a well-formed X-Request-Id, and replaces any other', async () => {
    const kept = await service.get('/nothing').set('X-Request-Id', 'trace-1:a/b').expect(404);
    assert.equal(kept.headers['x-request-id'], 'trace-1:a/b');
    assert.equal((kept.body as { request_id: string }).request_id, 'trace-1:a/b');
    for (const id of ['a b', 'x'.repeat(129), 'é']) {
      const replaced = await service.get('/health').set('X-Request-Id', id).expect(200);
      assert.match(replaced.headers['x-request-id'] ?? '', /^[0-9a-f-]{36}$/);
    }
  });

  it('logs one line per request, with the route, the status and the task', async () => {
    service.lines.length = 0;
    const taskId = await service.assign('test_task', { duration: 0 });
    await service.post('/assign-task/').set('X-Request-Id', 'mine').send({}).expect(400);
    const lines = await eventually('both are logged', () => {
      const found = service.lines.filter(({ message }) => message === 'request');
      return found.length >= 2 ? found : undefined;
    });
    assert.equal(lines.length, 2);
    const { route, method, status, task_id, task_type, duration_ms } = lines[0]?.fields ?? {};
    assert.deepEqual(
      { route, method, status, task_id, task_type },
      {
        route: '/assign-task/',
        method: 'POST',
        status: 200,
        task_id: taskId,
        task_type: 'test_task',
      },
    );
    assert.equal(typeof duration_ms, 'number');
    const refused = lines.find(({ fields }) => fields.request_id === 'mine');
    assert.equal(refused?.level, 'info', 'a client’s fault is no error of the service');
  });

  it('answers 400 for a body that is nested more than 256 levels deep', async () => {
    const nested = (levels: number) => {
      const inner = levels - 2;
      return `{"task_type":"a","params":{"x":${'['.repeat(inner)}1${']'.repeat(inner)}}}`;
    };
    await service.post('/assign-task/').type('json').send(nested(256)).expect(200);
    const response = await service.post('/assign-task/').type('json').send(nested(257)).expect(400);
    assert.match((response.body as { message: string }).message, /more than 256 levels deep/);
    await service.post('/assign-task/').type('json').send(nested(900)).expect(400);
  });

  it('says by its own status what is wrong with a request for a file', async () => {
    await service.get(pageFile('redoc', /\.js$/)).set('Range', 'bytes=99999999-').expect(416);
    await service
      .get(pageFile('docs', /\.css$/))
      .set('If-Match', '"other"')
      .expect(412);
  });

  it('ignores an expectation that it does not know', async () => {
    const status = await new Promise((resolve, reject) => {
      request(`${service.url}/health`, { headers: { expect: 'magic' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    assert.equal(status, 200);
  });

  it('answers 431 with the error body for headers that are too large', async () => {
    const response = await fetch(`${service.url}/health`, {
      headers: { cookie: 'x'.repeat(20_000) },
    });
    assert.equal(response.status, 431);
    const { request_id } = (await response.json()) as { request_id: string };
    assert.equal(response.headers.get('x-request-id'), request_id);
  });

  it('answers what is not HTTP with a 400 and goes on', async () => {
    const { hostname, port } = new URL(service.url);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => socket.end('NONSENSE\r\n\r\n'));
      let text = '';
      socket.on('data', (data) => (text += String(data)));
      socket.on('close', () => {
        resolve(text);
      });
      socket.on('error', reject);
    });
    assert.match(answer, /^HTTP\/1.1 400 Bad Request\r\nX-Request-Id: [0-9a-f-]{36}\r\n/);
    const body = JSON.parse(answer.split('\r\n\r\n')[1] ?? '') as Record<string, string>;
    assert.equal(body.status, 'error');
    await service.get('/health').expect(200);
  });

  it('answers a request with what became of it, whatever stands behind it on the connection', async () => {
    // No worker listens to this database.
    const url = theFleet().redis.url.replace(/\/\d*$/, '/10');
    const redis = new Redis(url);
    const assigning = await startTestService({ CELERY_BROKER_URL: url });
    try {
      await redis.flushdb();
      const body = '{"task_type":"nobody_runs_this"}';
      const connection = await openConnection(assigning.url);
      connection.socket.write(
        `${assignmentHead(`Content-Length: ${body.length}`)}${body}\x00\x01garbage\r\n\r\n`,
      );
      await eventually('it is queued', async () =>
        (await redis.llen('worker_queue')) > 0 ? true : undefined,
      );
      await connection.closed;
      const statuses = statusesIn(connection.received());
      assert.equal(statuses[0], 200);
      // The garbage may have an answer of its own.
      assert.ok(statuses.length === 1 || (statuses.length === 2 && statuses[1] === 400));
      assert.equal(await redis.llen('worker_queue'), 1);
      const line = await eventually('the request is logged', () =>
        assigning.lines.find(({ fields }) => fields.task_type === 'nobody_runs_this'),
      );
      assert.equal(line.fields.status, 200);
    } finally {
      await assigning.close();
      redis.disconnect();
    }
  });

  describe('CORS', () => {
    it('lets any origin read, by default', async () => {
      const response = await service.get('/health').set('Origin', 'https://app.example.com');
      assert.equal(response.headers['access-control-allow-origin'], '*');
      assert.equal(
        response.headers['access-control-expose-headers'],
        'X-Request-Id,Retry-After,RateLimit,RateLimit-Policy,Idempotent-Replayed',
      );
      const error = await service.get('/nothing').set('Origin', 'https://app.example.com');
      assert.equal(error.headers['access-control-allow-origin'], '*');
    });

    it('answers a preflight', async () => {
      const response = await service
        .request('options', '/assign-task/')
        .set('Origin', 'https://app.example.com')
        .set('Access-Control-Request-Method', 'POST')
        .set('Access-Control-Request-Headers', 'content-type,x-request-id')
        .expect(204);
      assert.match(response.headers['access-control-allow-methods'] ?? '', /\bPOST\b/);
      assert.equal(response.headers['access-control-allow-headers'], 'content-type,x-request-id');
    });

    it('lets only the listed origins read', async () => {
      const listed = await startTestService({
        CORS_ORIGINS: 'https://a.example.com, https://b.example.com',
      });
      try {
        const a = await listed.get('/health').set('Origin', 'https://b.example.com');
        assert.equal(a.headers['access-control-allow-origin'], 'https://b.example.com');
        assert.match(a.headers.vary ?? '', /Origin/);
        const c = await listed.get('/health').set('Origin', 'https://c.example.com');
        assert.equal(c.headers['access-control-allow-origin'], undefined);
        assert.equal(c.headers['access-control-allow-credentials'], undefined);
        const refused = listed.lines.filter(({ fields }) => 'origin' in fields);
        assert.deepEqual(
          refused.map(({ level, fields }) => [level, fields.origin]),
          [['debug', 'https://c.example.com']],
        );
      } finally {
        await listed.close();
      }
    });

    it('lets pages send credentials with CORS_CREDENTIALS, to errors and preflights too', async () => {
      const trusting = await startTestService({
        CORS_ORIGINS: 'https://a.example.com',
        CORS_CREDENTIALS: 'true',
      });
      try {
        for (const request of [
          trusting.get('/health'),
          trusting.get('/nothing'),
          trusting.request('options', '/assign-task/'),
        ]) {
          const { headers } = await request.set('Origin', 'https://a.example.com');
          assert.equal(headers['access-control-allow-credentials'], 'true');
          assert.equal(headers['access-control-allow-origin'], 'https://a.example.com');
        }
      } finally {
        await trusting.close();
      }
    });
  });

  describe('Behind a proxy', () => {
    let proxied: TestService;
    before(async () => {
      proxied = await startTestService({ ROOT_PATH: '/tasks/api/', TRUST_PROXY: 'loopback' });
    });
    after(() => proxied.close());

    for (const prefix of ['', '/tasks/api']) {
      it(`is found where the proxy ${prefix === '' ? 'strips' : 'leaves'} the root path`, async () => {
        await proxied.get(`${prefix}/health`).expect(200);
        await proxied.get(`${prefix}/?a=b`).expect(200);
        await proxied.post(`${prefix}/assign-task`).send({ task_type: 'x y' }).expect(400);
        const page = await proxied.get(`${prefix}/docs`).expect(200);
        const [, script = ''] =
          /src="\/tasks\/api(\/docs\/swagger-ui-bundle\.[0-9a-f]+\.js)"/.exec(page.text) ?? [];
        await proxied.get(`${prefix}${script}`).expect(200);
        assert.doesNotMatch(page.text, /(src|href)="(?!\/tasks\/api\/docs\/)/);
      });
    }

    it('answers at the root path itself, but not at its neighbours', async () => {
      await proxied.get('/tasks/api').expect(200);
      await proxied.get('/tasks/apis/health').expect(404);
    });

    it('names the root path as server in the contract', async () => {
      const json = await proxied.get('/openapi.json').expect(200);
      assert.deepEqual((json.body as { servers: unknown }).servers, [{ url: '/tasks/api' }]);
      const yaml = await proxied.get('/openapi.yaml').expect(200);
      assert.match(yaml.text, /servers:\n {2}- url: \/tasks\/api\n/);
    });

    it('logs the client that the proxy names', async () => {
      assert.equal(await loggedClient(proxied), '203.0.113.9');
    });

    it('does not believe a client that is no proxy', async () => {
      assert.match(String(await loggedClient(service)), /127\.0\.0\.1$/);
    });
  });
});

/** The client address in the log line of a request that says it was forwarded. */
async function loggedClient(service: TestService): Promise<unknown> {
  const id = 'forwarded';
  await service
    .get('/health')
    .set('X-Request-Id', id)
    .set('X-Forwarded-For', '203.0.113.9')
    .expect(200);
  return eventually(
    'the request is logged',
    () => service.lines.find(({ fields }) => fields.request_id === id)?.fields.client,
  );
}
