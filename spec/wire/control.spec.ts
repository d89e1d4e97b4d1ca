import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { createBroadcast } from '../../src/celery/fleet/control.js';
import { KOMBU_NAMING } from '../../src/celery/wire/keys.js';
import { connectionOptions, watchConnection, type Connection } from '../../src/redis/connection.js';
import { parseRedisUrl } from '../../src/config/redisUrl.js';
import { eventually } from '../support/eventually.js';
import { startTcpProxy } from '../support/faults/tcpProxy.js';
import { theFleet } from '../support/fleet.js';
import { runPython } from '../support/tasks.js';

// No worker listens to this database.
const DATABASE = 10;
const CHANNEL = `/${DATABASE}.celery.pidbox`;

const COMMANDS: readonly { method: string; arguments: object; destination: string[] | null }[] = [
  { method: 'registered', arguments: { taskinfoitems: [] }, destination: null },
  { method: 'active_queues', arguments: {}, destination: null },
  { method: 'query_task', arguments: { ids: ['a', 'b'] }, destination: ['celery@a'] },
  {
    method: 'revoke',
    arguments: { task_id: 'a', terminate: false, signal: 'SIGTERM' },
    destination: null,
  },
  {
    method: 'revoke',
    arguments: { task_id: 'ä', terminate: true, signal: 'SIGKILL' },
    destination: null,
  },
];

type Json = Record<string, unknown>;

function open(url: string, silenceMs = 1_000): Connection {
  const options = connectionOptions(parseRedisUrl(url), {
    sentinel: { masterName: undefined, username: undefined, password: undefined },
    silenceMs,
  });
  const redis = new Redis(url, options);
  return watchConnection(redis, { connected: () => undefined, disconnected: () => undefined });
}

describe('A command of this service for the workers', function () {
  this.timeout(60_000);
  let connection: Connection;
  let subscriber: Redis;
  let texts: string[];
  const url = () => theFleet().redis.url.replace(/0$/, String(DATABASE));
  before(async () => {
    connection = open(url());
    subscriber = new Redis(url());
    texts = [];
    subscriber.on('pmessage', (_pattern, _channel, text: string) => texts.push(text));
    await subscriber.psubscribe(CHANNEL);
  });
  after(async () => {
    await connection.close(1_000);
    subscriber.disconnect();
  });

  it('is the same in every field as one of Python’s app.control', async () => {
    const broadcast = createBroadcast(() => connection, {
      ...KOMBU_NAMING,
      keyPrefix: '',
      database: DATABASE,
    });
    for (const { method, arguments: values, destination } of COMMANDS) {
      await broadcast(method, values, destination ? { destination } : undefined);
    }
    await eventually('ours', () => texts.length === COMMANDS.length || undefined);
    await runPython('control_messages', [], {
      input: COMMANDS.map((command) => JSON.stringify(command)).join('\n'),
      redisUrl: url(),
    });
    await eventually('Python’s', () => texts.length === 2 * COMMANDS.length || undefined);
    for (const index of COMMANDS.keys()) {
      const [ours, theirs] = [read(texts[index]), read(texts[index + COMMANDS.length])];
      assert.deepEqual(ours.comparable, theirs.comparable);
      assert.equal(ours.headers.clock, index + 1);
      assert.ok(Math.abs(Number(ours.headers.expires) - Date.now() / 1_000) < 60);
      for (const { body } of [ours, theirs]) {
        assert.match(String(body.ticket), /^[0-9a-f-]{36}$/);
        assert.match((body.reply_to as { routing_key: string }).routing_key, /^[0-9a-f-]{36}$/);
      }
    }
  });

  it('stops to wait as soon as all that listen have replied, whatever else comes', async () => {
    const redis = new Redis(url());
    const replier = new Redis(url());
    await replier.psubscribe(`p:${CHANNEL}`);
    replier.on('pmessage', (_pattern, _channel, text: string) => {
      const { ticket, reply_to } = read(text).body;
      const id = (reply_to as { routing_key: string }).routing_key;
      const reply = (value: unknown, ofTicket: unknown) =>
        JSON.stringify({
          body: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString(
            'base64',
          ),
          headers: { ticket: ofTicket },
          properties: { body_encoding: 'base64' },
        });
      const others = ['no JSON', '{}', '[]', 'null', reply([], ticket), reply({ a: 1 }, 'other')];
      const key = `p:${id}.reply.celery.pidbox`;
      void redis.smembers('p:_kombu.binding.reply.celery.pidbox').then(async (members) => {
        assert.deepEqual(members, [`${id}\x06\x16\x06\x16${id}.reply.celery.pidbox`]);
        await redis.lpush(key, ...others);
        await redis.lpush(key, reply('{"w@1": {"a": [NaN, 12345678901234567890]}}', ticket));
      });
    });
    const broadcast = createBroadcast(() => connection, {
      ...KOMBU_NAMING,
      keyPrefix: 'p:',
      database: DATABASE,
    });
    const start = performance.now();
    const answer = await broadcast('ping');
    const took = performance.now() - start;
    assert.ok('value' in answer);
    assert.equal(answer.value.listeners, 1);
    assert.deepEqual([...answer.value.byWorker], [['w@1', { a: [null, 12345678901234567000] }]]);
    assert.ok(took < 500, `took ${took} ms`);
    await eventually('nothing is left', async () =>
      (await redis.keys('p:*')).length === 0 ? true : undefined,
    );
    replier.disconnect();
    redis.disconnect();
  });

  it('is sent again where its connection is cut', async () => {
    const redis = new Redis(url());
    const broadcast = createBroadcast(() => connection, {
      ...KOMBU_NAMING,
      keyPrefix: '',
      database: DATABASE,
    });
    const cut = async () => {
      const clients = String(await redis.client('LIST', 'TYPE', 'NORMAL'));
      const own = connection.redis.stream as unknown as { localPort: number };
      const id = new RegExp(`^id=(\\d+) addr=127\\.0\\.0\\.1:${own.localPort} `, 'm').exec(clients);
      await redis.client('KILL', 'ID', Number(id?.[1]));
    };
    for (let turn = 0; turn < 5; turn += 1) {
      const [answer] = await Promise.all([broadcast('ping'), cut()]);
      assert.ok('value' in answer, JSON.stringify(answer));
      assert.equal(answer.value.listeners, 1);
    }
    redis.disconnect();
  });

  it('reaches the workers once, where Redis’s answer is lost and it is sent again', async () => {
    const proxy = await startTcpProxy(theFleet().redis.port);
    const behind = open(`redis://127.0.0.1:${proxy.port}/${DATABASE}`, 200);
    await behind.untilReady(1_000);
    texts.length = 0;
    proxy.swallow('answers');
    const broadcast = createBroadcast(() => behind, {
      ...KOMBU_NAMING,
      ...{ keyPrefix: '', database: DATABASE },
    });
    const answer = await broadcast('pool_grow', { n: 1 }, { destination: ['a@b'], waits: false });
    assert.ok('value' in answer, JSON.stringify(answer));
    assert.equal(answer.value.listeners, 1);
    await broadcast('ping', {}, { destination: ['a@b'], waits: false });
    await eventually(
      'the next command',
      () => texts.some((text) => read(text).body.method === 'ping') || undefined,
    );
    assert.deepEqual(
      texts.map((text) => read(text).body.method),
      ['pool_grow', 'ping'],
    );
    await behind.close(1_000);
    await proxy.close();
  });
});

function read(text = ''): { headers: Json; body: Json; comparable: Json } {
  const message = JSON.parse(text) as Json & { headers: Json; properties: Json };
  const body = JSON.parse(Buffer.from(String(message.body), 'base64').toString()) as Json;
  const { reply_to: replyTo, ...known }: Json = { ...body, ticket: undefined };
  const { exchange } = (replyTo ?? {}) as { exchange?: string };
  const { delivery_tag: tag, ...properties } = message.properties;
  assert.match(String(tag), /^[0-9a-f-]{36}$/);
  return {
    headers: message.headers,
    body,
    comparable: {
      ...message,
      headers: Object.keys(message.headers),
      properties,
      body: { ...known, exchange },
    },
  };
}
