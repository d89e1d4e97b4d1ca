import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { CeleryClient } from '../../src/celery/producing/client.js';
import { createRedisBroker } from '../../src/celery/producing/redisBroker/broker.js';
import { KOMBU_NAMING } from '../../src/celery/wire/keys.js';
import { createRedisBackend, type ResultBackend } from '../../src/celery/results/backend.js';
import { parseRedisUrl } from '../../src/config/redisUrl.js';
import { JsonText } from '../../src/json/jsonText.js';
import { connectionOptions, type Connection } from '../../src/redis/connection.js';
import { openConnection } from '../../src/redis/open.js';
import { theFleet } from '../support/fleet.js';

const QUEUE = 'celery_node_queue';

const TASK = {
  id: 'f9c1c2d4-0000-4000-8000-000000000001',
  name: 'worker.test_task',
  queue: QUEUE,
  arguments: { only: new JsonText('{"n":1.0}') },
  shown: { only: new JsonText('{"n":1.0}') },
  priority: 0,
  options: undefined,
};

describe("celery-node's client, as it is extended", () => {
  let redis: Redis;
  let connection: Connection;
  let client: CeleryClient<ResultBackend>;
  before(async () => {
    redis = new Redis(theFleet().redis.url);
    const address = parseRedisUrl(theFleet().redis.url);
    const sentinel = { masterName: undefined, username: undefined, password: undefined };
    const options = connectionOptions(address, { sentinel, silenceMs: 500 });
    const conf = {
      ...{ CELERY_BROKER: address.url, CELERY_BROKER_OPTIONS: options, CELERY_QUEUE: QUEUE },
      ...{ CELERY_BACKEND: address.url, CELERY_BACKEND_OPTIONS: options },
    };
    connection = openConnection({
      url: conf.CELERY_BROKER,
      options: conf.CELERY_BROKER_OPTIONS,
      events: { connected: () => undefined, disconnected: () => undefined },
    });
    client = new CeleryClient({
      conf,
      broker: createRedisBroker(connection, {
        ...KOMBU_NAMING,
        ...{ keyPrefix: '', database: address.database, replicas: 0, maximumDepth: Infinity },
        ...{ claimSeconds: 60, milliseconds: 1_000, onEventRefused: () => undefined },
      }),
      backend: createRedisBackend(connection, '', 1_000),
      sender: { origin: 'orchestrator@spec', replyTo: 'spec', processId: 1 },
      ...{ sendsEvents: false, compressionThreshold: Infinity },
    });
    await client.isReady();
  });
  beforeEach(() => redis.del(QUEUE));
  after(async () => {
    await client.disconnect();
    await redis.del(QUEUE);
    redis.disconnect();
  });

  it('has our configuration in its own', () => {
    assert.equal(client.conf.CELERY_QUEUE, QUEUE);
    assert.equal(client.conf.TASK_PROTOCOL, 2);
    assert.equal(client.conf.CELERY_BROKER, theFleet().redis.url);
  });

  it('writes all nineteen headers, and tells the fate of a message', async () => {
    const outcome = await client.sendTaskMessage(TASK.name, client.createTaskMessage(TASK));
    assert.deepEqual(outcome, { fate: 'assigned' });
    const [text = ''] = await redis.lrange(QUEUE, 0, -1);
    const { headers, body } = JSON.parse(text) as { headers: object; body: string };
    assert.equal(Object.keys(headers).length, 19);
    assert.match(Buffer.from(body, 'base64').toString(), /^\[\[\{"n":1\.0\}\], \{\}, /);
  });

  it('publishes through the interface of its broker, and rejects what is refused', async () => {
    await client.broker.publish([[], {}, {}], '', QUEUE, { id: 'a' }, { priority: 0 });
    assert.equal(await redis.llen(QUEUE), 1);
    await redis.set(QUEUE, 'no list');
    const refused = client.broker.publish([[], {}, {}], '', QUEUE, {}, { priority: 0 });
    await assert.rejects(refused, /not known to be queued: refused/);
  });

  it('reads through the interface of its backend', async () => {
    const key = `celery-task-meta-${TASK.id}`;
    await redis.set(key, '{"status":"SUCCESS","result":1}', 'EX', 60);
    assert.deepEqual(await client.backend.getTaskMeta(TASK.id), { status: 'SUCCESS', result: 1 });
    await redis.del(key);
    await assert.rejects(client.backend.storeResult(TASK.id, 1, 'SUCCESS'), /Workers store/);
  });

  it('has no sendTask that answers before Redis does', () => {
    assert.throws(() => client.createTask('worker.test_task').delay(), /use sendTaskMessage/);
  });
});
