import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Redis } from 'ioredis';
import { WebSocket } from 'ws';
import { openConnection, statusesIn } from '../support/connection.js';
import { validateAgainst } from '../support/contractCheck.js';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';
import { publishState, subscribersOf } from '../support/states.js';

const KEY = 'a-key-of-the-frontend';
const HANDSHAKE =
  'Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

interface TaskMessage {
  task_id: string;
  status: string;
  timestamp: string;
  progress?: unknown;
  message?: string;
  result?: unknown;
  error?: string;
  final?: boolean;
}

describe('WS /ws/task/{task_id}', () => {
  let service: TestService;
  let redis: Redis;
  let last = 0;
  const newId = (): string => `socket-${process.pid}-${(last += 1)}`;
  before(async () => {
    service = await startTestService({ TASK_NAMESPACES: 'worker,automation' });
    redis = new Redis(theFleet().redis.url);
  });
  after(async () => {
    redis.disconnect();
    await service.close();
  });
  const lineOf = (id: string, from = service) =>
    eventually('its line is logged', () => {
      return from.lines.find(
        ({ fields }) => fields.task_id === id && String(fields.route).startsWith('/ws'),
      )?.fields;
    });

  it('tells each state of a real task, the final one as such, and closes with 1000', async () => {
    const id = await service.assign('test_task', { duration: 1, steps: 3 });
    const { messages, closed } = await open(service, `/ws/task/${id}`);
    assert.equal(await closed, 1000);
    assert.ok(messages.filter(({ status }) => status === 'progress').length >= 3);
    assert.equal(messages.at(-1)?.status, 'completed');
    assert.ok('result' in (messages.at(-1) ?? {}));
    assert.deepEqual(
      messages.map(({ final }) => final),
      [...messages.slice(1).map(() => undefined), true],
    );
    const { status, route, aborted, duration_ms } = await lineOf(id);
    assert.deepEqual([status, route, aborted], [101, '/ws/task/{task_id}', undefined]);
    assert.ok(Number(duration_ms) > 500);
  });

  it('tells at once how the task stands, then each change, once', async () => {
    const id = newId();
    const { messages, closed } = await open(service, `/ws/task/${id}/`);
    await subscribersOf(redis, id, 1);
    for (const current of [1, 2, 2, 3]) {
      await publishState(redis, id, { status: 'PROGRESS', result: { current } });
    }
    const failure = { exc_type: 'ValueError', exc_message: ['no'], exc_module: 'builtins' };
    await publishState(redis, id, { status: 'FAILURE', result: failure });
    assert.equal(await closed, 1000);
    assert.deepEqual(
      messages.map(({ task_id, status, progress, error, final }) => [
        task_id,
        status,
        (progress as { current: number } | undefined)?.current ?? error ?? final,
      ]),
      [
        [id, 'pending', undefined],
        [id, 'progress', 1],
        [id, 'progress', 2],
        [id, 'progress', 3],
        [id, 'failed', 'no'],
      ],
    );
    await subscribersOf(redis, id, 0);
  });

  it('answers in HTTP what is wrong with a request', async () => {
    const plain = await service.get('/ws/task/a').expect(426);
    assert.equal(plain.headers.upgrade, 'websocket');
    for (const [path, status] of [
      ['/ws/task/%20', 400],
      ['/ws/other/a', 404],
      ['/ws/task', 404],
      ['/health/live', 200],
    ] as const) {
      const response = await refusalOf(service, path);
      assert.equal(response.statusCode, status, path);
      assert.ok(response.headers['x-request-id']);
    }
    await redis.set('celery-task-meta-socket-broken', 'no JSON');
    assert.equal((await refusalOf(service, '/ws/task/socket-broken')).statusCode, 500);
  });

  it('refuses a handshake that is none, and goes on', async () => {
    for (const [what, broken] of [
      ['its key', HANDSHAKE.replace('Z2NlIHNhbXBsZSBub25jZQ==', '').replace(/Key: \S+/, 'Key: a')],
      ['its version', HANDSHAKE.replace('Version: 13', 'Version: 7')],
      ['its protocols', `${HANDSHAKE}Sec-WebSocket-Protocol: a, a\r\n`],
    ]) {
      const { socket, received, closed } = await openConnection(service.url);
      socket.write(`GET /ws/task/${newId()} HTTP/1.1\r\n${broken}\r\n`);
      await closed;
      assert.deepEqual(statusesIn(received()), [400], what);
      assert.match(received(), /Sec-WebSocket-/);
    }
    await service.get('/health/live').expect(200);
  });

  it('takes a key from the header and from the query, and logs it nowhere', async () => {
    const own = await startTestService({ API_KEYS: `frontend=${KEY}` });
    const id = newId();
    await publishState(redis, id, { status: 'SUCCESS', result: 1 });
    for (const path of [`/ws/task/${id}`, `/ws/task/${id}?api_key=none`]) {
      const response = await refusalOf(own, path);
      assert.equal(response.statusCode, 401);
      assert.equal(response.headers['www-authenticate'], 'ApiKey');
    }
    const options = { headers: { 'x-api-key': KEY } };
    assert.equal(await (await open(own, `/ws/task/${id}`, options)).closed, 1000);
    assert.equal(await (await open(own, `/ws/task/${id}?api_key=${KEY}`)).closed, 1000);
    assert.ok(!JSON.stringify(own.lines).includes(KEY));
    await own.close();
  });

  it('lets pages of CORS_ORIGINS connect alone, and what is no page', async () => {
    const own = await startTestService({ CORS_ORIGINS: 'https://frontend.example' });
    const id = newId();
    await publishState(redis, id, { status: 'SUCCESS', result: 1 });
    const from = (origin: string) => ({ headers: { origin } });
    const path = `/ws/task/${id}`;
    assert.equal((await refusalOf(own, path, from('https://evil.example'))).statusCode, 403);
    assert.equal((await refusalOf(own, path, from('null'))).statusCode, 403);
    assert.equal(await (await open(own, path, from('https://frontend.example'))).closed, 1000);
    assert.equal(await (await open(own, path)).closed, 1000);
    assert.equal(await (await open(service, path, from('https://any.example'))).closed, 1000);
    await own.close();
  });

  it('counts among the requests of RATE_LIMIT_PER_MINUTE and among MAX_WAITERS', async () => {
    const own = await startTestService({
      RATE_LIMIT_PER_MINUTE: '3',
      MAX_WAITERS: '1',
      API_KEYS: `quota-${process.pid}=${KEY}`,
    });
    const path = `/ws/task/${newId()}?api_key=${KEY}`;
    const { socket } = await open(own, path);
    assert.equal((await refusalOf(own, path)).statusCode, 503);
    socket.close();
    await once(socket, 'close');
    const again = await open(own, path);
    assert.equal((await refusalOf(own, path)).statusCode, 429);
    again.socket.terminate();
    await own.close();
  });

  it('ignores what a client sends, up to a bound', async () => {
    const id = newId();
    const { socket, closed } = await open(service, `/ws/task/${id}`);
    socket.send('{"anything": 1}');
    socket.send(Buffer.alloc(1_024));
    socket.ping();
    await once(socket, 'pong');
    assert.equal(socket.readyState, WebSocket.OPEN);
    socket.send(Buffer.alloc(1_025));
    assert.equal(await closed, 1009);
    await subscribersOf(redis, id, 0);
  });

  it('survives frames that are none, and connections that are reset', async () => {
    for (const bytes of [Buffer.from([0xff, 0xff, 0xff]), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
      const id = newId();
      const { socket, received, closed } = await openConnection(service.url);
      socket.write(`GET /ws/task/${id} HTTP/1.1\r\n${HANDSHAKE}\r\n`);
      await eventually('it is open', () => (received().includes('101') ? true : undefined));
      socket.write(bytes);
      await closed;
      await subscribersOf(redis, id, 0);
    }
    const ids = Array.from({ length: 20 }, newId);
    for (const id of ids) {
      const { socket } = await openConnection(service.url);
      socket.write(`GET /ws/task/${id} HTTP/1.1\r\n${HANDSHAKE}\r\n`);
      socket.resetAndDestroy();
    }
    for (const id of ids) {
      await subscribersOf(redis, id, 0);
    }
    await service.get('/health/live').expect(200);
  });

  it('frees everything when the client vanishes', async () => {
    const id = newId();
    const { socket } = await open(service, `/ws/task/${id}`);
    await subscribersOf(redis, id, 1);
    socket.terminate();
    await subscribersOf(redis, id, 0);
    assert.equal((await lineOf(id)).status, 101);
  });

  it('keeps the latest state alone for a client that does not read, and tells it the final one', async () => {
    const id = newId();
    const { socket, messages, closed } = await open(service, `/ws/task/${id}`);
    await subscribersOf(redis, id, 1);
    socket.pause();
    const filler = 'x'.repeat(1024 * 1024);
    for (let current = 1; current <= 60; current++) {
      await publishState(redis, id, { status: 'PROGRESS', result: { current, filler } });
    }
    await publishState(redis, id, { status: 'SUCCESS', result: 'the end' });
    await subscribersOf(redis, id, 0);
    socket.resume();
    assert.equal(await closed, 1000);
    // What the two systems keep of a connection is some megabytes.
    assert.ok(messages.length < 20, `${messages.length} messages of a megabyte were kept`);
    assert.deepEqual([messages.at(-1)?.result, messages.at(-1)?.final], ['the end', true]);
  });

  it('tells what can’t be read as an error, and closes with 1011', async () => {
    const id = newId();
    const { messages, closed } = await open(service, `/ws/task/${id}`);
    await subscribersOf(redis, id, 1);
    await redis.publish(`celery-task-meta-${id}`, 'no JSON');
    assert.equal(await closed, 1011);
    const { status, message, final } = messages.at(-1) ?? {};
    assert.deepEqual([status, final], ['error', true]);
    assert.match(message ?? '', /the stored result is not JSON/);
  });

  it('closes with 1001 when the service stops', async () => {
    const own = await startTestService();
    const id = newId();
    const { messages, closed } = await open(own, `/ws/task/${id}`);
    await subscribersOf(redis, id, 1);
    const start = performance.now();
    await own.close();
    assert.ok(performance.now() - start < 2_000);
    assert.equal(await closed, 1001);
    assert.deepEqual(
      messages.map(({ status }) => status),
      ['pending'],
    );
  });

  it('cuts a client that does not close when the service stops', async () => {
    const own = await startTestService({ SHUTDOWN_TIMEOUT_MS: '300' });
    const { socket, received, closed } = await openConnection(own.url);
    socket.write(`GET /ws/task/${newId()} HTTP/1.1\r\n${HANDSHAKE}\r\n`);
    await eventually('it is open', () => (received().includes('101') ? true : undefined));
    const start = performance.now();
    await own.close();
    await closed;
    assert.ok(performance.now() - start < 2_000);
  });
});

describe('A wish for an upgrade', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.close());

  const body = '{"task_type":"nobody_runs_this"}';
  const post = (headers: string): string =>
    `POST /assign-task/ HTTP/1.1\r\nHost: a\r\n${headers}Content-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`;

  it('for HTTP/2 is ignored, body and all, as Java’s client sends it', async () => {
    const { socket, received } = await openConnection(service.url);
    const wish = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\n';
    for (const [index, headers] of [wish, wish, ''].entries()) {
      socket.write(post(headers));
      await eventually('it is answered', () =>
        statusesIn(received()).length > index ? true : undefined,
      );
    }
    assert.deepEqual(statusesIn(received()), [200, 200, 200]);
    socket.destroy();
  });

  it('for a WebSocket is ignored where it comes with a POST', async () => {
    const { socket, received } = await openConnection(service.url);
    socket.write(post('Connection: Upgrade\r\nUpgrade: websocket\r\n'));
    await eventually('it is answered', () =>
      statusesIn(received()).length > 0 ? true : undefined,
    );
    assert.deepEqual(statusesIn(received()), [200]);
    socket.destroy();
  });

  it('is ignored where it comes behind a request that is not answered yet', async () => {
    const { socket, received } = await openConnection(service.url);
    socket.write(
      `GET /result/a?wait=0.3 HTTP/1.1\r\nHost: a\r\n\r\n` +
        `GET /ws/task/a HTTP/1.1\r\n${HANDSHAKE}\r\n`,
    );
    await eventually('both are answered', () =>
      statusesIn(received()).length === 2 ? true : undefined,
    );
    assert.deepEqual(statusesIn(received()), [200, 426]);
    socket.destroy();
  });
});

interface OpenSocket {
  socket: WebSocket;
  messages: TaskMessage[];
  /** The code with which it is closed. */
  closed: Promise<number>;
}

async function open(
  { url }: TestService,
  path: string,
  options: WebSocket.ClientOptions = {},
): Promise<OpenSocket> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`, options);
  const messages: TaskMessage[] = [];
  socket.on('message', (data: Buffer, isBinary) => {
    assert.equal(isBinary, false);
    const message = JSON.parse(data.toString()) as TaskMessage;
    validateAgainst('#/components/schemas/TaskMessage', message, 'a message');
    messages.push(message);
  });
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  // One that has little to say may be closed again before both are looked at.
  const opened = Promise.all([once(socket, 'upgrade'), once(socket, 'open')]);
  const [[response]] = (await opened) as [[IncomingMessage], unknown];
  assert.ok(response.headers['x-request-id']);
  assert.equal(response.headers['sec-websocket-extensions'], undefined);
  return { socket, messages, closed };
}

/** The answer in HTTP, whose body fits the contract where it is an error. */
async function refusalOf(
  { url }: TestService,
  path: string,
  options: WebSocket.ClientOptions = {},
): Promise<IncomingMessage> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`, options);
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  let text = '';
  for await (const chunk of response) {
    text += String(chunk);
  }
  if ((response.statusCode ?? 0) >= 400) {
    validateAgainst('#/components/schemas/ErrorResponse', JSON.parse(text), path);
  }
  return response;
}
