import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.js';
import { findFreePort } from '../../stack/ports.js';
import { theFleet } from '../support/fleet.js';
import { sumIn } from '../support/metrics.js';
import { startTestService, type TestService } from '../support/service.js';

// No worker listens to this database.
const DATABASE = 9;
const KEY_PREFIX = 'dry:';

/** The answer to a dry run. */
interface Shown {
  task_id: string;
  status: string;
  message: string;
  queue: string;
  key: string;
  envelope: string;
  headers: object;
  properties: object;
  body: unknown[];
  event?: { channel: string; envelope: string };
}

const EXACT =
  '{"b": 1.0, "2": [9007199254740993, -0.0, 1E+2], "10": "it\'s \\"quoted\\" \\u00e9 😀", "a": {}}';

describe('A dry run', () => {
  let url: string;
  let redis: Redis;
  let subscriber: Redis;
  let service: TestService;
  const events: { channel: string; envelope: string }[] = [];
  before(async () => {
    url = theFleet().redis.url.replace(/0$/, String(DATABASE));
    redis = new Redis(url);
    subscriber = new Redis(url);
    subscriber.on('pmessage', (_pattern, channel: string, envelope: string) => {
      events.push({ channel, envelope });
    });
    await subscriber.psubscribe(`${KEY_PREFIX}/${DATABASE}.celeryev/*`);
    service = await start({});
  });
  beforeEach(async () => {
    await redis.flushdb();
    events.length = 0;
  });
  after(async () => {
    await service.close();
    redis.disconnect();
    subscriber.disconnect();
  });

  const start = (more: Readonly<Record<string, string>>): Promise<TestService> =>
    startTestService({
      CELERY_BROKER_URL: url,
      CELERY_BROKER_GLOBAL_KEYPREFIX: KEY_PREFIX,
      TASK_NAMESPACES: 'worker,automation',
      ...more,
    });

  const post = (path: string, body: string, of = service) =>
    of.post(path).set('Content-Type', 'application/json').send(body);

  const show = async (body: string, of = service): Promise<Shown> =>
    (await post('/assign-task/?dry_run=true', body, of).expect(200)).body as Shown;

  /** The one message in Redis, with its key. */
  const pushed = async (): Promise<{ key: string; envelope: string }> => {
    const keys = (await redis.keys('*_queue*')).filter((key) => !key.includes('_kombu.binding'));
    assert.equal(keys.length, 1, keys.join());
    const key = keys[0] ?? '';
    const texts = await redis.lrange(key, 0, -1);
    assert.equal(texts.length, 1);
    return { key, envelope: texts[0] ?? '' };
  };

  const bodies: [what: string, body: string][] = [
    ['no params', '{"task_type":"spec","options":{"task_id":"mine"}}'],
    ['params of every kind', `{"task_type":"spec","params":${EXACT},"options":{"task_id":"mine"}}`],
    ['another namespace', '{"task_type":"automation.x","options":{"task_id":"mine"}}'],
    ['a priority', '{"task_type":"spec","options":{"task_id":"mine","priority":7}}'],
    [
      'another queue',
      '{"task_type":"spec","options":{"task_id":"mine","queue":"automation_queue"}}',
    ],
    [
      'times and limits',
      '{"task_type":"spec","options":{"task_id":"mine","countdown":30,"expires":"2030-01-31T09:30:00Z","time_limit":9,"soft_time_limit":1.5}}',
    ],
    [
      'headers',
      `{"task_type":"spec","options":{"task_id":"mine","headers":{"x":1.0,"y":${EXACT}}}}`,
    ],
  ];
  for (const [what, body] of bodies) {
    it(`shows, byte by byte, what a request with ${what} puts into Redis`, async () => {
      const shown = await show(body);
      assert.equal(await redis.dbsize(), 0);
      await post('/assign-task/', body).expect(200);
      const real = await pushed();
      assert.equal(shown.key, real.key);
      assert.equal(timeless(shown.envelope), timeless(real.envelope));
      await assertTold(shown);
    });
  }

  /** The event of the message that has been sent is the one that was shown. */
  const assertTold = async (shown: Shown): Promise<void> => {
    const told = await eventually('the event', () => events[0]);
    assert.ok(shown.event);
    assert.equal(shown.event.channel, told.channel);
    assert.equal(withoutMoment(shown.event.envelope), withoutMoment(told.envelope));
    assert.equal(events.length, 1);
  };

  it('shows the parts of its message, without base64, as exactly', async () => {
    const shown = await show(
      `{"task_type":"spec","params":${EXACT},"options":{"headers":{"n":9007199254740993}}}`,
    );
    const { headers, properties, body } = JSON.parse(shown.envelope) as Record<string, unknown>;
    assert.deepEqual(shown.headers, headers);
    assert.deepEqual(shown.properties, properties);
    const text = Buffer.from(String(body), 'base64').toString();
    assert.deepEqual(shown.body, JSON.parse(text));
    assert.equal(shown.status, 'dry_run');
    assert.equal(shown.message, "Task 'spec' would be assigned; nothing was sent");
    assert.equal((headers as { id: string }).id, shown.task_id);
    const raw = await post('/assign-task/?dry_run=true', `{"task_type":"spec","params":${EXACT}}`);
    assert.ok(raw.text.includes(`[[${EXACT}], {}, {"callbacks"`));
  });

  it('shows a compressed message, and its body as it was', async () => {
    const compressing = await start({
      TASK_COMPRESSION: 'gzip',
      TASK_COMPRESSION_THRESHOLD_BYTES: '1000',
      TASK_SEND_SENT_EVENT: 'false',
    });
    const params = { text: 'Grüße '.repeat(1_000) };
    const body = JSON.stringify({ task_type: 'spec', params, options: { task_id: 'mine' } });
    const shown = await show(body, compressing);
    await post('/assign-task/', body, compressing).expect(200);
    await compressing.close();
    const real = await pushed();
    assert.equal(timeless(shown.envelope), timeless(real.envelope));
    assert.ok(real.envelope.includes('"compression":"application/x-gzip"'));
    assert.deepEqual(shown.body[0], [params]);
    assert.equal(shown.event, undefined);
  });

  it('shows a list of tasks, in its order', async () => {
    const body = JSON.stringify(
      ['a', 'automation.b', 'c'].map((task_type, index) => ({
        task_type,
        params: { index },
        options: { task_id: `mine-${index}`, priority: index * 4 },
      })),
    );
    const answer = await post('/assign-tasks/?dry_run=true', body).expect(200);
    assert.equal(await redis.dbsize(), 0);
    await post('/assign-tasks/', body).expect(200);
    for (const { key, envelope } of answer.body as Shown[]) {
      const [real = ''] = await redis.lrange(key, 0, -1);
      assert.equal(timeless(envelope), timeless(real));
    }
    assert.deepEqual(
      (answer.body as Shown[]).map(({ key }) => key),
      ['worker_queue', 'automation_queue\x06\x163', 'worker_queue\x06\x166'].map(
        (key) => KEY_PREFIX + key,
      ),
    );
  });

  it('shows no more of a list than its answer may hold', async () => {
    const tasks = (count: number) => JSON.stringify(Array(count).fill({ task_type: 'a' }));
    await post('/assign-tasks/?dry_run=true', tasks(20)).expect(200);
    const answer = await post('/assign-tasks/?dry_run=true', tasks(21)).expect(400);
    assert.match(
      (answer.body as { message: string }).message,
      /body must NOT have more than 20 items with dry_run$/,
    );
    assert.equal(await redis.dbsize(), 0);
  });

  it('continues the trace of its caller', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const body = '{"task_type":"spec","options":{"task_id":"mine"}}';
    const answer = await post('/assign-task/?dry_run=true', body).set('traceparent', traceparent);
    await post('/assign-task/', body).set('traceparent', traceparent).expect(200);
    const { envelope } = await pushed();
    assert.ok(envelope.includes(traceparent));
    assert.equal(timeless((answer.body as Shown).envelope), timeless(envelope));
  });

  it('sends Redis not one command', async () => {
    const monitor = await redis.monitor();
    const commands: string[] = [];
    monitor.on('monitor', (_time, args: string[], _source, database: string) => {
      if (database === String(DATABASE)) {
        commands.push(args.join(' '));
      }
    });
    await redis.set('marker', 'first');
    await post('/assign-task/?dry_run=true', '{"task_type":"spec"}')
      .set('Idempotency-Key', 'dry')
      .expect(200);
    await post('/assign-task/?dry_run=true', '{"task_type":"spec","options":{"queue":"x"}}');
    await post('/assign-tasks/?dry_run=true', '[{"task_type":"spec"}]').expect(200);
    await redis.set('marker', 'second');
    await eventually('the marker', () => commands.find((text) => text.endsWith('second')));
    monitor.disconnect();
    assert.deepEqual(
      commands.map((text) => text.toLowerCase()),
      ['set marker first', 'set marker second'],
    );
    assert.deepEqual(events, []);
  });

  it('leaves its Idempotency-Key unused, and does not look whether it was used', async () => {
    const keyed = (path: string, taskType: string) =>
      post(path, JSON.stringify({ task_type: taskType })).set('Idempotency-Key', 'once');
    await keyed('/assign-task/?dry_run=true', 'other').expect(200);
    const first = await keyed('/assign-task/', 'spec').expect(200);
    assert.equal(first.headers['idempotent-replayed'], undefined);
    const dry = await keyed('/assign-task/?dry_run=true', 'other').expect(200);
    assert.equal((dry.body as Shown).status, 'dry_run');
    assert.equal(dry.headers['idempotent-replayed'], undefined);
    await keyed('/assign-task/', 'other').expect(422);
  });

  it('is counted as no assignment, and named in the log', async () => {
    const assignments = async () =>
      sumIn((await service.get('/metrics')).text, 'orchestrator_assignments_total');
    const before = await assignments();
    service.lines.length = 0;
    await show('{"task_type":"spec"}');
    assert.equal(await assignments(), before);
    const line = service.lines.find(({ message }) => message === 'request');
    assert.equal(line?.fields.dry_run, true);
    await post('/assign-task/', '{"task_type":"spec"}').expect(200);
    assert.equal(await assignments(), before + 1);
  });

  const refused: [path: string, what: string, body: string][] = [
    ['/assign-task/', 'malformed JSON', '{"task_type":'],
    ['/assign-task/', 'no task type', '{}'],
    ['/assign-task/', 'faulty params', '{"task_type":"approve_batches","params":{"batch_ids":1}}'],
    ['/assign-task/', 'an unknown option', '{"task_type":"spec","options":{"colour":"red"}}'],
    ['/assign-task/', 'an unknown queue', '{"task_type":"spec","options":{"queue":"none"}}'],
    ['/assign-task/', 'a late eta', '{"task_type":"spec","options":{"countdown":86400}}'],
    [
      '/assign-task/',
      'what no worker could read',
      '{"task_type":"spec","params":{"a":{"__type__":"money","__value__":1}}}',
    ],
    ['/assign-tasks/', 'a faulty item', '[{"task_type":"spec"},{"task_type":9}]'],
    [
      '/assign-tasks/',
      'an item that no worker could read',
      '[{"task_type":"spec"},{"task_type":"a","params":{"a":{"__type__":"money","__value__":1}}}]',
    ],
  ];
  for (const [path, what, body] of refused) {
    it(`refuses ${what} as ${path} does`, async () => {
      const [dry, real] = [await post(`${path}?dry_run=true`, body), await post(path, body)];
      assert.equal(dry.status, 400);
      assert.equal(real.status, 400);
      assert.deepEqual(withoutRequestId(dry.body), withoutRequestId(real.body));
    });
  }

  it('refuses a task type that no live worker has, where that is wanted', async () => {
    const strict = await startTestService({ STRICT_TASK_TYPES: 'true' });
    const ask = (path: string) => post(path, '{"task_type":"tset_task"}', strict).expect(400);
    const [dry, real] = [await ask('/assign-task/?dry_run=true'), await ask('/assign-task/')];
    await strict.close();
    assert.match((dry.body as { message: string }).message, /test_task/);
    assert.deepEqual(withoutRequestId(dry.body), withoutRequestId(real.body));
  });

  it('needs no Redis', async () => {
    const alone = await startTestService({
      REDIS_URL: `redis://127.0.0.1:${await findFreePort()}`,
    });
    const shown = await show('{"task_type":"spec"}', alone);
    await alone.close();
    assert.equal(shown.key, 'worker_queue');
  });

  it('is one for true alone, and any other word but false is refused', async () => {
    for (const word of ['1', 'yes', 'True', '', 'true&dry_run=true']) {
      for (const [path, body] of [
        ['/assign-task/', '{"task_type":"spec"}'],
        ['/assign-tasks/', '[{"task_type":"spec"}]'],
      ] as const) {
        const answer = await post(`${path}?dry_run=${word}`, body).expect(400);
        const { errors } = (answer.body as { details: { errors: object[] } }).details;
        assert.deepEqual(errors, [
          { in: 'query', pointer: '/dry_run', message: 'must be boolean' },
        ]);
      }
    }
    assert.equal(await redis.dbsize(), 0);
    await post('/assign-task/?dry_run=false', '{"task_type":"spec"}').expect(200);
    await pushed();
  });
});

/** Without what each message has of its own. */
function timeless(envelope: string): string {
  return envelope
    .replace(/("delivery_tag":")[0-9a-f-]{36}"/, '$1"')
    .replace(/("eta":")[0-9T:.-]+\+00:00"/, '$1"')
    .replace(/("expiration":")\d+"/, '$1"');
}

/** Of an event, whose body tells when it was made. */
function withoutMoment(envelope: string): string {
  const { body, ...rest } = JSON.parse(envelope) as { body: string };
  const text = Buffer.from(body, 'base64').toString();
  const told = text.replace(/"(clock|timestamp)":[\d.]+/g, '"$1":0');
  return timeless(JSON.stringify(rest)) + timeless(told);
}

function withoutRequestId(body: unknown): unknown {
  return { ...(body as object), request_id: '' };
}
