import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { startRedis, type RedisServer } from '../../stack/redis.js';
import { assignmentHead, openConnection, type RawConnection } from '../support/connection.js';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';
import { resultOf } from '../support/tasks.js';

const BODY = '{"task_type":"nobody_runs_this"}';

/** Waits until the server has answered on this connection, and gives the status. */
function statusOn({ received }: RawConnection): Promise<string> {
  return eventually('an answer', () => /^HTTP\/1.1 (\d+)/.exec(received())?.[1]);
}

/** Resolves when the system has taken the text. */
function sendOn(socket: Socket, text: string): Promise<unknown> {
  return new Promise((resolve) => socket.write(text, resolve));
}

describe('MAX_REQUESTS_IN_FLIGHT', () => {
  let redis: RedisServer;
  let service: TestService | undefined;
  beforeEach(async () => {
    redis = await startRedis({ environment: process.env, python: theFleet().python.python });
  });
  afterEach(async () => {
    redis.resume();
    await service?.close();
    service = undefined;
    await redis.stop();
  });

  async function start(most: number): Promise<TestService> {
    service = await startTestService({
      REDIS_URL: redis.url,
      MAX_REQUESTS_IN_FLIGHT: String(most),
      ASSIGN_TIMEOUT_MS: '8000',
      RESULT_TIMEOUT_MS: '8000',
      HEALTH_TIMEOUT_MS: '200',
    });
    return service;
  }

  function untilBothPlacesAreFree({ get }: TestService): Promise<true> {
    return eventually('both places are free', async () => {
      // So that the first is still there when the second comes.
      redis.pause();
      const answers = Promise.all([get('/result/a'), get('/result/b')]);
      await get('/health/live');
      redis.resume();
      return (await answers).every(({ status }) => status === 200) || undefined;
    });
  }

  it('refuses more with 503, answers health meanwhile, and recovers', async () => {
    const service = await start(2);
    redis.pause();
    const finished = await openConnection(service.url);
    const cut = await openConnection(service.url);
    for (const { socket } of [finished, cut]) {
      await sendOn(socket, assignmentHead(`Content-Length: ${BODY.length}`) + BODY);
    }
    const refused = await eventually('it is full', async () => {
      const answer = await service.post('/assign-task/').send({ task_type: 'nobody_runs_this' });
      return answer.status === 503 ? answer : undefined;
    });
    assert.equal(refused.headers['retry-after'], '1');
    assert.deepEqual((refused.body as { details: unknown }).details, { queued: 'no' });
    const result = await service.get('/result/a').expect(503);
    assert.equal((result.body as { details?: unknown }).details, undefined);
    for (const path of ['/health', '/health/live', '/docs']) {
      await service.get(path).expect(200);
    }
    const ready = await service.get('/health/ready').expect(503);
    const { message } = ready.body as { message: string };
    assert.equal(message, 'Not ready: Redis does not answer');
    const line = service.lines.find(({ fields }) => fields.status === 503);
    assert.equal(line?.level, 'warning');

    cut.socket.destroy();
    redis.resume();
    assert.equal(await statusOn(finished), '200');
    finished.socket.destroy();
    await untilBothPlacesAreFree(service);
  });

  it('counts none whose connection was cut, where several came on it, and each is logged', async () => {
    const service = await start(2);
    redis.pause();
    const ids = ['first', 'second', 'third', 'fourth'];
    const { socket } = await openConnection(service.url);
    const requests = ids.map(
      (id) => `GET /result/${id} HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${id}\r\n\r\n`,
    );
    await sendOn(socket, requests.join(''));
    await eventually('it is full', async () => {
      const { status } = await service.get('/result/other');
      return status === 503 ? true : undefined;
    });
    // Of this, Node tells the response whose turn it is, and none of those that wait behind it.
    socket.destroy();
    redis.resume();
    await untilBothPlacesAreFree(service);
    const lines = await eventually('each is logged', () => {
      const found = service.lines.filter(({ fields }) => ids.includes(String(fields.request_id)));
      return found.length >= ids.length ? found : undefined;
    });
    assert.deepEqual(lines.map(({ fields }) => fields.request_id).sort(), [...ids].sort());
  });

  it('counts none whose body does not arrive', async () => {
    const service = await start(5);
    const slow = await Promise.all(Array.from({ length: 20 }, () => openConnection(service.url)));
    try {
      for (const { socket } of slow) {
        await sendOn(socket, `${assignmentHead('Content-Length: 100')}{`);
      }
      // What was sent before this round trip has been read when it is over.
      await service.get('/health/live').expect(200);
      await service.assign('nobody_runs_this');
      await service.get('/result/a').expect(200);
    } finally {
      for (const { socket } of slow) {
        socket.destroy();
      }
    }
  });
});

describe('MAX_BYTES_IN_FLIGHT', () => {
  const LIMIT = 200_000;
  let service: TestService;
  before(async () => {
    service = await startTestService({
      BODY_LIMIT_BYTES: String(LIMIT),
      MAX_BYTES_IN_FLIGHT: String(LIMIT),
    });
  });
  after(() => service.close());

  const text = `{"task_type":"nobody_runs_this","params":{"x":"${'x'.repeat(150_000)}"}}`;
  const chunk = (data: string | Buffer) =>
    Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), Buffer.from(data), CRLF]);
  const CRLF = Buffer.from('\r\n');
  for (const [what, headers, part] of [
    ['of a Content-Length', ['Content-Length: 180000'], text.slice(0, 150_000)],
    ['in chunks', ['Transfer-Encoding: chunked'], chunk(text.slice(0, 150_000))],
    [
      'inflated',
      ['Transfer-Encoding: chunked', 'Content-Encoding: gzip'],
      chunk(gzipSync(text).subarray(0, -8)),
    ],
  ] as const) {
    it(`counts bytes ${what} as they arrive, and forgets those of a client that went away`, async () => {
      const send = () => service.post('/assign-task/').type('json').send(text);
      const begin = async () => {
        const connection = await openConnection(service.url);
        connection.socket.write(assignmentHead(...headers));
        // The head alone counts for nothing.
        await send().expect(200);
        connection.socket.write(part);
        return connection;
      };
      let slow = await begin();
      const refused = await eventually('the bytes are counted', async () => {
        if (slow.received() !== '') {
          // Another request was in flight when its bytes came: it is this one that was refused.
          slow.socket.destroy();
          slow = await begin();
        }
        const answer = await send();
        return answer.status === 503 ? answer : undefined;
      });
      assert.equal(refused.headers['retry-after'], '1');
      assert.deepEqual((refused.body as { details: unknown }).details, { queued: 'no' });
      await service.post('/assign-task/').send({ task_type: 'nobody_runs_this' }).expect(200);
      slow.socket.destroy();
      await eventually(
        'the bytes are free',
        async () => (await send()).status === 200 || undefined,
      );
    });
  }

  it('forgets the bytes of every answered request', async () => {
    for (let count = 0; count < 5; count += 1) {
      await service.post('/assign-task/').type('json').send(text).expect(200);
      await service.post('/assign-task/').type('json').send(`${text}x`).expect(400);
    }
  });
});

describe('A body', () => {
  const LIMIT = 100_000;
  let service: TestService;
  before(async () => {
    service = await startTestService({ BODY_LIMIT_BYTES: String(LIMIT) });
  });
  after(() => service.close());

  for (const [encoding, encode] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const) {
    it(`is taken in ${encoding} up to the limit, and refused beyond, cut or broken`, async () => {
      const statusOf = async (body: Buffer) => {
        const answer = await fetch(`${service.url}/assign-task/`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'content-encoding': encoding },
          body: new Uint8Array(body),
        });
        await answer.arrayBuffer();
        return answer.status;
      };
      const padded = (length: number) => Buffer.from(BODY.padEnd(length, ' '));
      assert.equal(await statusOf(encode(padded(LIMIT))), 200);
      assert.equal(await statusOf(encode(padded(LIMIT + 1))), 413);
      assert.equal(await statusOf(encode(padded(50_000_000))), 413);
      assert.equal(await statusOf(encode(padded(1_000)).subarray(0, -5)), 400);
      assert.equal(await statusOf(Buffer.from('nonsense')), 400);
    });
  }

  it('of many small chunks is read', async () => {
    const connection = await openConnection(service.url);
    connection.socket.write(assignmentHead('Transfer-Encoding: chunked'));
    const text = BODY.padEnd(20_000, ' ');
    connection.socket.write(
      text
        .split('')
        .map((one) => `1\r\n${one}\r\n`)
        .join('') + '0\r\n\r\n',
    );
    assert.equal(await statusOn(connection), '200');
    connection.socket.destroy();
  });

  for (const [what, headers] of [
    ['announced', ['Content-Length: 9000000']],
    ['in chunks', ['Transfer-Encoding: chunked']],
  ] as const) {
    it(`over the limit, ${what}, is answered while it is sent, and then hung up on`, async () => {
      const connection = await openConnection(service.url);
      connection.socket.write(assignmentHead(...headers));
      const data = 'x'.repeat(100_000);
      const part = what === 'announced' ? data : `186a0\r\n${data}\r\n`;
      // Many clients send all of a body before they read anything.
      connection.socket.pause();
      for (let count = 0; count < 90 && !connection.socket.destroyed; count += 1) {
        await new Promise((resolve) => connection.socket.write(part, resolve));
      }
      connection.socket.resume();
      await connection.closed;
      assert.equal(connection.failure(), undefined);
      const [head = '', body = ''] = connection.received().split('\r\n\r\n');
      assert.match(head, /^HTTP\/1.1 413 /);
      assert.match(head, /\r\nConnection: close(\r\n|$)/);
      assert.equal((JSON.parse(body) as { status: string }).status, 'error');
    });
  }

  it('is asked for where the client waits for that, and only then', async () => {
    const willing = await openConnection(service.url);
    willing.socket.write(assignmentHead(`Content-Length: ${BODY.length}`, 'Expect: 100-continue'));
    await eventually('100', () => /^HTTP\/1.1 100 Continue/.exec(willing.received()) ?? undefined);
    willing.socket.write(BODY);
    await eventually('200', () => /HTTP\/1.1 200 OK/.exec(willing.received()) ?? undefined);
    willing.socket.destroy();
    const large = await openConnection(service.url);
    large.socket.write(assignmentHead('Content-Length: 9000000', 'Expect: 100-continue'));
    assert.equal(await statusOn(large), '413');
    await large.closed;
  });
});

describe('JSON_MAX_DEPTH and JSON_MAX_KEYS', () => {
  it('bound what is taken', async () => {
    const service = await startTestService({
      JSON_MAX_DEPTH: '400',
      JSON_MAX_KEYS: '5',
      TASK_NAMESPACES: 'automation',
    });
    const answerTo = (params: string) =>
      service
        .post('/assign-task/')
        .type('json')
        .send(`{"task_type":"automation.echo","params":${params}}`);
    const nested = (levels: number) => `{"x":${'['.repeat(levels - 2)}${']'.repeat(levels - 2)}}`;
    try {
      const assigned = await answerTo(nested(400)).expect(200);
      const echoed = await resultOf(service, (assigned.body as { task_id: string }).task_id);
      assert.equal(JSON.stringify(echoed.result), nested(400));
      const deep = await answerTo(nested(401)).expect(400);
      assert.match(deep.text, /is nested more than 400 levels deep/);
      await answerTo('{"a":{"b":":"},"c":[]}').expect(200);
      const wide = await answerTo('{"a":{"b":1},"c":[{"b":1}]}').expect(400);
      assert.match(wide.text, /has more than 5 keys in its objects/);
    } finally {
      await service.close();
    }
  });
});

describe('A client that is slow', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService({ HEADERS_TIMEOUT_MS: '300', REQUEST_TIMEOUT_MS: '600' });
  });
  after(() => service.close());

  it('gets 408 for a head that does not end', async () => {
    const slow = await openConnection(service.url);
    slow.socket.write('GET /health HTTP/1.1\r\nHost: a\r\n');
    await slow.closed;
    assert.match(slow.received(), /^HTTP\/1.1 408 Request Timeout\r\nX-Request-Id: /);
  });

  it('gets 408 for a body that does not end, under the id in the log', async () => {
    const slow = await openConnection(service.url);
    slow.socket.write(assignmentHead('Content-Length: 100', 'X-Request-Id: slow-1') + '{');
    await slow.closed;
    const [head = '', body = ''] = slow.received().split('\r\n\r\n');
    assert.match(head, /^HTTP\/1.1 408 Request Timeout\r\n/);
    assert.match(head, /\r\nConnection: close/i);
    assert.equal((JSON.parse(body) as { request_id: string }).request_id, 'slow-1');
    const line = await eventually('the log line', () =>
      service.lines.find(({ fields }) => fields.request_id === 'slow-1'),
    );
    assert.equal(line.fields.status, 408);
    assert.equal(line.level, 'info');
  });
});
