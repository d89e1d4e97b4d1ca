import assert from 'node:assert/strict';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { Redis } from 'ioredis';
import { openConnection } from '../support/connection.js';
import { validateAgainst } from '../support/contractCheck.js';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';
import { publishState, subscribersOf } from '../support/states.js';
import { readResult, type ResultBody } from '../support/tasks.js';

const KEY = 'a-key-of-the-frontend';

describe('GET /result/{task_id}/events', () => {
  let service: TestService;
  let redis: Redis;
  let last = 0;
  const newId = (): string => `events-${process.pid}-${(last += 1)}`;
  before(async () => {
    service = await startTestService({ TASK_NAMESPACES: 'worker,automation' });
    redis = new Redis(theFleet().redis.url);
  });
  after(async () => {
    redis.disconnect();
    await service.close();
  });

  it('tells each state of a real task, and ends behind the final one', async () => {
    const id = await service.assign('test_task', { duration: 1, steps: 3 });
    const stream = await openStream(service, id);
    await stream.ended;
    const bodies = stream.bodies();
    const statuses = bodies.map(({ status }) => status);
    assert.equal(statuses.at(-1), 'completed');
    assert.ok(statuses.filter((status) => status === 'progress').length >= 3, statuses.join());
    assert.equal(new Set(bodies.map(withoutTime)).size, bodies.length, 'one is told twice');
    assert.deepEqual(stream.messages().at(-1), { event: 'end', data: '{}' });
    assert.equal(withoutTime(bodies.at(-1)), withoutTime(await readResult(service, id)));
  });

  it('tells at once how the task stands, then each change, under the headers of a stream', async () => {
    const id = newId();
    const stream = await openStream(service, id);
    const { headers } = stream.response;
    assert.equal(headers['content-type'], 'text/event-stream; charset=utf-8');
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['x-accel-buffering'], 'no');
    assert.ok(headers['x-request-id']);
    await stream.until(1);
    await subscribersOf(redis, id, 1);
    for (let current = 1; current <= 20; current++) {
      await publishState(redis, id, { status: 'PROGRESS', result: { current } });
    }
    await publishState(redis, id, { status: 'PROGRESS', result: { current: 20 } });
    await publishState(redis, id, { status: 'SUCCESS', result: null });
    await stream.ended;
    assert.deepEqual(
      stream.bodies().map(({ status, progress }) => [status, progress]),
      [
        ['pending', undefined],
        ...Array.from({ length: 20 }, (_, index) => ['progress', { current: index + 1 }]),
        ['completed', undefined],
      ],
    );
    await subscribersOf(redis, id, 0);
    const line = service.lines.find(({ fields }) => fields.task_id === id)?.fields;
    assert.equal(line?.route, '/result/{task_id}/events');
    assert.equal(line.status, 200);
    assert.ok(!('aborted' in line));
  });

  it('gives one message and the end of a task that has ended', async () => {
    const id = newId();
    await publishState(redis, id, {
      status: 'FAILURE',
      result: { exc_type: 'E', exc_message: [] },
    });
    const { text } = await service.get(`/result/${id}/events`).buffer().expect(200);
    assert.match(text, /^data: \{.*"status":"failed".*\}\n\nevent: end\ndata: \{\}\n\n$/);
  });

  it('keeps JSON with line ends in one message', async () => {
    const id = newId();
    const value = '{"status": "SUCCESS",\n "result": {\r\n "a":\r 1}}';
    await redis.setex(`celery-task-meta-${id}`, 60, value);
    const stream = await openStream(service, id);
    await stream.ended;
    assert.deepEqual(stream.bodies()[0]?.result, { a: 1 });
    assert.equal(stream.messages().length, 2);
  });

  it('tells what can’t be read as an error, and ends', async () => {
    const id = newId();
    const stream = await openStream(service, id);
    await subscribersOf(redis, id, 1);
    await redis.publish(`celery-task-meta-${id}`, 'no JSON');
    await stream.ended;
    const error: unknown = stream.bodies().at(-1);
    validateAgainst('#/components/schemas/ErrorResponse', error, 'the last message');
    assert.match((error as { message: string }).message, /the stored result is not JSON/);
    assert.equal(stream.messages().at(-1)?.event, 'end');
    const line = service.lines.find(({ fields }) => fields.task_id === id)?.fields;
    assert.match(String(line?.error), /not JSON/);
    await redis.set(`celery-task-meta-${id}`, 'no JSON');
    await service.get(`/result/${id}/events`).expect(500);
  });

  it('answers HEAD with the head alone', async () => {
    await service.request('head', `/result/${newId()}/events`).expect(200);
  });

  it('takes the key in the query too, and logs it nowhere', async () => {
    const own = await startTestService({ API_KEYS: `frontend=${KEY}` });
    const id = newId();
    await publishState(redis, id, { status: 'SUCCESS', result: 1 });
    await own.get(`/result/${id}/events`).expect(401);
    await own.get(`/result/${id}/events?api_key=another`).expect(401);
    await own.get(`/result/${id}/events`).set('x-api-key', KEY).expect(200);
    await own.get(`/result/${id}/events?api_key=${KEY}`).expect(200);
    await own.get(`/result/${id}?api_key=${KEY}`).expect(401);
    const lines = JSON.stringify(own.lines);
    assert.match(lines, /"client_name":"frontend"/);
    assert.ok(!lines.includes(KEY));
    await own.close();
  });

  it('frees everything when the client goes away', async () => {
    const id = newId();
    const stream = await openStream(service, id);
    await subscribersOf(redis, id, 1);
    stream.response.destroy();
    await subscribersOf(redis, id, 0);
    const line = await eventually('its line is logged', () =>
      service.lines.find(({ fields }) => fields.task_id === id),
    );
    assert.equal(line.fields.aborted, true);
  });

  it('keeps the latest state alone for a client that does not read, and tells it the final one', async () => {
    const id = newId();
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    socket.write(`GET /result/${id}/events HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    await subscribersOf(redis, id, 1);
    const filler = 'x'.repeat(1024 * 1024);
    for (let current = 1; current <= 60; current++) {
      await publishState(redis, id, { status: 'PROGRESS', result: { current, filler } });
    }
    await publishState(redis, id, { status: 'SUCCESS', result: 'the end' });
    await subscribersOf(redis, id, 0);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    await new Promise((resolve) => socket.once('close', resolve));
    const text = Buffer.concat(chunks).toString();
    assert.match(text, /"result":"the end"[^]*event: end/);
    const told = [...text.matchAll(/"current":(\d+)/g)].length;
    // What the two systems keep of a connection is some megabytes.
    assert.ok(told < 20, `${told} states of a megabyte were kept`);
  });

  it('ends without its last event when the service stops, so that the client connects again', async () => {
    const own = await startTestService();
    const id = newId();
    // A connection that would be kept.
    const { socket, received, closed } = await openConnection(own.url);
    socket.write(`GET /result/${id}/events HTTP/1.1\r\nHost: a\r\n\r\n`);
    await subscribersOf(redis, id, 1);
    const start = performance.now();
    await own.close();
    assert.ok(performance.now() - start < 2_000);
    await closed;
    assert.match(
      received(),
      /\r\nConnection: keep-alive\r\n[^]*"status":"pending"[^]*\r\n0\r\n\r\n$/,
    );
    assert.ok(!received().includes('event: end'));
  });
});

interface Message {
  event: string;
  data: string;
}

/** A stream that is read as it comes. */
interface Stream {
  response: IncomingMessage;
  messages: () => Message[];
  /** The data of its messages, which fit the contract unless they tell of an error. */
  bodies: () => ResultBody[];
  /** Waits for so many messages. */
  until: (count: number) => Promise<unknown>;
  ended: Promise<void>;
}

async function openStream(service: TestService, id: string): Promise<Stream> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(`${service.url}/result/${id}/events`, { agent: false }, resolve)
      .on('error', reject)
      .end();
  });
  assert.equal(response.statusCode, 200);
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  response.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => response.once('end', resolve));
  const messages = () => messagesIn(text);
  return {
    response,
    messages,
    bodies: () =>
      messages()
        .filter(({ event }) => event === 'message')
        .map(({ data }) => {
          const body = JSON.parse(data) as ResultBody;
          if (body.status !== 'error') {
            validateAgainst('#/components/schemas/TaskResult', body, 'a message');
          }
          return body;
        }),
    until: (count) =>
      eventually(`${count} messages`, () => (messages().length >= count ? true : undefined)),
    ended,
  };
}

/** By the rules of HTML, "Interpreting an event stream", as far as they matter here. */
function messagesIn(text: string): Message[] {
  const blocks = text.split('\n\n').slice(0, -1);
  return blocks
    .map((block) => block.split('\n').filter((line) => !line.startsWith(':')))
    .filter((lines) => lines.length > 0)
    .map((lines) => {
      const valuesOf = (field: string): string[] =>
        lines
          .filter((line) => line.startsWith(`${field}: `))
          .map((line) => line.slice(field.length + 2));
      assert.ok(
        lines.every((line) => /^(data|event): /.test(line)),
        lines.join('|'),
      );
      return { event: valuesOf('event')[0] ?? 'message', data: valuesOf('data').join('\n') };
    });
}

function withoutTime(body: ResultBody | undefined): string {
  return JSON.stringify({ ...body, timestamp: '' });
}
