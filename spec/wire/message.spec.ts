import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { taskMessage } from '../../src/celery/wire/message.js';
import { KOMBU_NAMING, queueKey } from '../../src/celery/wire/keys.js';
import { JsonText } from '../../src/json/jsonText.js';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';
import { jsonListTexts, jsonObjectTexts } from '../support/json.js';
import { startTestService, type TestService } from '../support/service.js';
import { runPython } from '../support/tasks.js';

// No worker listens to these databases.
const [BROKER_DATABASE, BACKEND_DATABASE] = [7, 8];

interface Message {
  headers: Record<string, unknown>;
  properties: Record<string, unknown>;
  args: string;
  kwargs: string;
}

describe('A message of this service, beside one of Python’s send_task', function () {
  this.timeout(120_000);
  let redis: Redis;
  let subscriber: Redis;
  let service: TestService;
  let compressing: TestService;
  let events: { channel: string; text: string }[];
  before(async () => {
    const { port } = theFleet().redis;
    redis = new Redis(port, { db: BROKER_DATABASE });
    subscriber = new Redis(port);
    events = [];
    subscriber.on('pmessage', (_pattern, channel: string, text: string) => {
      events.push({ channel, text });
    });
    // Workers of other databases tell of themselves all the time.
    await subscriber.psubscribe(`*/${BROKER_DATABASE}.celeryev/*`);
    const environment = {
      CELERY_BROKER_URL: databaseUrl(BROKER_DATABASE),
      CELERY_RESULT_BACKEND: databaseUrl(BACKEND_DATABASE),
      TASK_ORIGIN: 'orchestrator@spec',
      TASK_PARAMS_AS: 'worker.keywords.*=kwargs,worker.*=argument',
    };
    service = await startTestService(environment);
    compressing = await startTestService({
      ...environment,
      TASK_COMPRESSION: 'gzip',
      TASK_COMPRESSION_THRESHOLD_BYTES: '1000',
    });
  });
  beforeEach(async () => {
    await redis.flushdb();
    await redis.publish(`/${BROKER_DATABASE}.celeryev/marker`, '');
    const isMarked = () => events.some(({ channel }) => channel.endsWith('/marker')) || undefined;
    await eventually('all events of the spec before', isMarked);
    events.length = 0;
  });
  after(async () => {
    await service.close();
    await compressing.close();
    redis.disconnect();
    subscriber.disconnect();
  });

  it('is the same in every field, for params of every kind', async () => {
    const seed = Date.now();
    const texts = [...KNOWN_TEXTS, ...fc.sample(jsonObjectTexts(), { numRuns: 400, seed })];
    for (const params of texts) {
      await assign(service, params);
    }
    await sendWithPython(texts);

    const { worker_queue: messages = [] } = await readMessages('worker_queue');
    const [ours, theirs] = [messages.slice(0, texts.length), messages.slice(texts.length)];
    assert.equal(theirs.length, texts.length);
    for (const [index, text] of texts.entries()) {
      const where = `of ${text} (seed ${seed})`;
      assert.deepEqual(comparable(ours[index]), comparable(theirs[index]), where);
    }
  });

  it('is the same in every field, for args and kwargs of every kind, and so is its event', async () => {
    const seed = Date.now();
    const generated = fc.sample(fc.tuple(jsonListTexts(), jsonObjectTexts()), {
      numRuns: 200,
      seed,
    });
    const pairs = [...KNOWN_ARGUMENTS, ...generated];
    for (const [args, kwargs] of pairs) {
      await send(service, `{"task_type": "spec", "args": ${args}, "kwargs": ${kwargs}}`);
    }
    await eventually('all events', () => events.length === pairs.length || undefined);
    await sendLinesWithPython(
      pairs.map(([args, kwargs]) => JSON.stringify({ name: 'worker.spec', args, kwargs })),
    );
    await eventually('all of Python', () => events.length === 2 * pairs.length || undefined);

    const { worker_queue: messages = [] } = await readMessages('worker_queue');
    assert.equal(messages.length, 2 * pairs.length);
    for (const [index, [args, kwargs]] of pairs.entries()) {
      const where = `of ${args} and ${kwargs} (seed ${seed})`;
      const theirs = index + pairs.length;
      assert.deepEqual(comparable(messages[index]), comparable(messages[theirs]), where);
      const [our, their] = [eventOf(events[index]), eventOf(events[theirs])];
      assert.deepEqual(our.comparable, their.comparable, where);
    }
  });

  const forms: [what: string, members: string, args: string, kwargs: string][] = [
    ['args alone', ', "args": [1.0, "a"]', "[1.0, 'a']", '{}'],
    ['kwargs alone', ', "kwargs": {"a": 1.0}', '[]', "{'a': 1.0}"],
    ['no params of a task that takes kwargs', '', '[]', '{}'],
    ['params of a task that takes kwargs', ', "params": {"a": 1.0}', '[]', "{'a': 1.0}"],
  ];
  for (const [what, members, args, kwargs] of forms) {
    it(`has the arguments of ${what}`, async () => {
      await send(service, `{"task_type": "keywords.spec"${members}}`);
      const { worker_queue: [message] = [] } = await readMessages('worker_queue');
      assert.deepEqual([message?.args, message?.kwargs], [args, kwargs]);
      const { argsrepr, kwargsrepr } = message?.headers ?? {};
      assert.deepEqual([argsrepr, kwargsrepr], [args === '[]' ? '()' : args, kwargs]);
    });
  }

  it('is the same with options, and so is its event', async () => {
    const headers = '{"traceparent": "00-a-b-01", "x": [1.0, {"y": null}], "n": 9007199254740993}';
    const cases = [
      '{}',
      '{"priority": 7}',
      '{"queue": "automation_queue", "priority": 2}',
      '{"time_limit": 7.5, "soft_time_limit": 2}',
      '{"soft_time_limit": 3}',
      '{"countdown": 30}',
      '{"countdown": 1.5, "expires": 30.25}',
      '{"countdown": 0}',
      `{"eta": "${isoformat(60)}", "expires": "${isoformat(600)}"}`,
      '{"task_id": "mine:1"}',
      `{"headers": ${headers}}`,
      `{"headers": ${headers}, "countdown": 9, "expires": 300, "time_limit": 1, "priority": 9}`,
    ];
    for (const options of cases) {
      await assign(service, '{"a": 1.0}', options);
    }
    await eventually('all events', () => events.length === cases.length || undefined);
    const lists = ['worker_queue', 'worker_queue\x06\x166', 'worker_queue\x06\x169'];
    const keys = [...lists, 'automation_queue'];
    const ours = await readMessages(...keys);
    await redis.del(...keys);
    const lines = cases.map(
      (options) => `{"name": "worker.spec", "params": "{\\"a\\": 1.0}", "options": ${options}}`,
    );
    await sendLinesWithPython(lines);
    await eventually('all of Python', () => events.length === 2 * cases.length || undefined);

    const theirs = await readMessages(...keys);
    for (const key of keys) {
      assert.equal(ours[key]?.length, theirs[key]?.length, key);
      for (const [index, message] of (ours[key] ?? []).entries()) {
        const python = theirs[key]?.[index];
        assertSameTimes(message, python);
        assert.deepEqual(timeless(comparable(message)), timeless(comparable(python)));
      }
    }
    for (const index of cases.keys()) {
      const [our, their] = [eventOf(events[index]), eventOf(events[index + cases.length])];
      const where = `of ${cases[index]}`;
      assert.deepEqual(timeless(our.comparable), timeless(their.comparable), where);
      const messages = Object.values(ours).flat();
      const sent = messages.find((message) => message.headers.id === our.body.uuid);
      assert.equal(our.body.eta, sent?.headers.eta, where);
      assert.equal(our.body.expires, sent?.headers.expires, where);
    }
    assert.ok(ours.worker_queue?.some(({ headers: { id } }) => id === 'mine:1'));
  });

  it('has a tag of its own, and for all of a process one origin and one reply_to', async () => {
    for (let count = 0; count < 3; count += 1) {
      await assign(service, '{}');
    }
    const { worker_queue: messages = [] } = await readMessages('worker_queue');
    const different = (values: unknown[]) => new Set(values).size;
    assert.equal(different(messages.map(({ properties }) => properties.delivery_tag)), 3);
    assert.equal(different(messages.map(({ properties }) => properties.reply_to)), 1);
    for (const { headers, properties } of messages) {
      assert.equal(headers.origin, 'orchestrator@spec');
      assert.equal(headers.root_id, headers.id);
      assert.equal(properties.correlation_id, headers.id);
      assert.match(String(properties.reply_to), /^[0-9a-f-]{36}$/);
    }
  });

  it('is told of in the same event', async () => {
    const texts = [...KNOWN_TEXTS.slice(0, 10), ...fc.sample(jsonObjectTexts(), 10)];
    for (const params of texts) {
      await assign(service, params);
    }
    await eventually('all events', () => events.length === texts.length || undefined);
    await sendWithPython(texts);
    await eventually('all events of Python', () => events.length === 2 * texts.length || undefined);

    const { worker_queue: messages = [] } = await readMessages('worker_queue');
    for (const index of texts.keys()) {
      const [ours, theirs] = [eventOf(events[index]), eventOf(events[index + texts.length])];
      assert.deepEqual(ours.comparable, theirs.comparable, `of ${texts[index]}`);
      assert.equal(ours.body.uuid, messages[index]?.headers.id);
      assert.equal(ours.body.root_id, ours.body.uuid);
      assert.equal(ours.body.hostname, 'orchestrator@spec');
      assert.equal(ours.body.pid, process.pid);
      assert.ok(Math.abs(Number(ours.body.timestamp) - Date.now() / 1000) < 60);
    }
    const clocks = texts.map((_text, index) => Number(eventOf(events[index]).body.clock));
    assert.deepEqual(
      clocks,
      clocks.map((_clock, index) => Number(clocks[0]) + index),
    );
  });

  it('is told of in no event with TASK_SEND_SENT_EVENT=false', async () => {
    const silent = await startTestService({
      CELERY_BROKER_URL: databaseUrl(BROKER_DATABASE),
      TASK_SEND_SENT_EVENT: 'false',
    });
    await assign(silent, '{}');
    await silent.close();
    // The event of a later message shows that none has come before it.
    await assign(service, '{"later": true}');
    await eventually('the event', () => events[0]);
    assert.match(String(eventOf(events[0]).body.args), /later/);
  });

  it('is told of in no event where Redis has refused the message', async () => {
    await redis.set('worker_queue', 'not a list');
    const response = await service.post('/assign-task/').send({ task_type: 'spec' }).expect(500);
    assert.deepEqual((response.body as { details: object }).details, { queued: 'no' });
    await redis.del('worker_queue');
    // The event of a later message shows that none has come before it.
    await assign(service, '{"later": true}');
    await eventually('the event', () => events[0]);
    assert.match(String(eventOf(events[0]).body.args), /later/);
  });

  it('is queued where Redis refuses the event, with one warning in the log', async () => {
    await redis.call('ACL', 'SETUSER', 'silent', 'on', '>secret', '~*', '+@all', 'resetchannels');
    const silent = await startTestService({
      CELERY_BROKER_URL: databaseUrl(BROKER_DATABASE).replace('//', '//silent:secret@'),
    });
    for (let count = 0; count < 3; count += 1) {
      await assign(silent, '{}');
    }
    assert.equal(await redis.llen('worker_queue'), 3);
    const warnings = () =>
      silent.lines.filter(({ message }) => message.includes('refuses the event'));
    await eventually('the warning', () => warnings()[0]);
    await silent.close();
    assert.equal(warnings().length, 1);
    assert.match(String(warnings()[0]?.fields.reason), /NOPERM|No permissions to access a channel/);
  });

  it('leaves the same bindings, once per connection', async () => {
    const keys = ['_kombu.binding.worker_queue', '_kombu.binding_permanent.worker_queue'];
    const members = () => Promise.all(keys.map((key) => redis.smembers(key)));
    const fresh = await startTestService({ CELERY_BROKER_URL: databaseUrl(BROKER_DATABASE) });
    await assign(fresh, '{}');
    const ours = await members();
    await redis.flushdb();
    await assign(fresh, '{}');
    assert.deepEqual(await members(), [[], []]);
    await sendWithPython(['{}']);
    assert.deepEqual(ours, await members());

    await redis.flushdb();
    await cutOtherConnections(redis);
    await eventually('the service is connected again', async () => {
      const response = await fresh.get('/health');
      return response.text.includes('"healthy"') || undefined;
    });
    await assign(fresh, '{}');
    assert.deepEqual(await members(), ours);
    await fresh.close();
  });

  it('is compressed from TASK_COMPRESSION_THRESHOLD_BYTES on, as Celery does it', async () => {
    const [small, large] = ['{"a": 1.0}', JSON.stringify({ text: 'Grüße '.repeat(3_000) })];
    for (const params of [small, large]) {
      await assign(compressing, params);
    }
    await sendWithPython([small]);
    await sendWithPython([large], { compression: 'gzip' });
    const { worker_queue: messages = [] } = await readMessages('worker_queue');
    assert.equal(messages.length, 4);
    assert.equal(messages[1]?.headers.compression, 'application/x-gzip');
    assert.deepEqual(comparable(messages[0]), comparable(messages[2]));
    assert.deepEqual(comparable(messages[1]), comparable(messages[3]));
    const [stored = ''] = await redis.lrange('worker_queue', 2, 2);
    assert.ok(stored.length < large.length);
  });

  it('has the list of its priority, as Python chooses it, and the plain queue as routing key', async () => {
    for (let priority = 0; priority <= 9; priority += 1) {
      await sendWithPython(['{}'], { priority });
      const [key = '', ...others] = await redis.keys('worker_queue*');
      assert.deepEqual(others, []);
      assert.equal(queueKey('worker_queue', priority, KOMBU_NAMING), key);
      const { [key]: messages = [] } = await readMessages(key);
      const only = new JsonText('{}');
      const names = { id: 'x', name: 'worker.spec', queue: 'worker_queue' };
      const task = {
        ...{ ...names, arguments: { only }, shown: { only } },
        ...{ priority, options: undefined },
      };
      const texts = { id: '"x"', argsrepr: '""', kwargsrepr: '""' };
      const ours = taskMessage(task, texts, { origin: 'x', replyTo: 'x' });
      const properties = JSON.parse(ours.properties.text) as Message['properties'];
      assert.deepEqual(properties.delivery_info, messages[0]?.properties.delivery_info);
      assert.equal(properties.priority, messages[0]?.properties.priority);
      await redis.del(key);
    }
  });

  it('lies under the key prefix of the broker, with its event and its bindings', async () => {
    const prefixed = await startTestService({
      CELERY_BROKER_URL: databaseUrl(BROKER_DATABASE),
      CELERY_BROKER_GLOBAL_KEYPREFIX: 'pre:',
    });
    await assign(prefixed, '{}');
    await eventually('the event', () => events[0]);
    await prefixed.close();
    const keys = (await redis.keys('*')).map((key) => key.replace(/[0-9a-f-]{36}$/, '<id>'));
    assert.deepEqual(keys.sort(), [
      'pre:_kombu.binding.worker_queue',
      'pre:_kombu.binding_permanent.worker_queue',
      'pre:orchestrator:producer:<id>',
      'pre:worker_queue',
    ]);
    assert.equal(events[0]?.channel, `pre:/${BROKER_DATABASE}.celeryev/task.sent`);
  });

  const refusedArguments: [what: string, request: string, pointer: string, message: RegExp][] = [
    [
      'params beside args',
      '{"task_type": "spec", "params": {}, "args": []}',
      '',
      /^must not have args beside params$/,
    ],
    [
      'params beside kwargs',
      '{"task_type": "spec", "params": {}, "kwargs": {}}',
      '',
      /^must not have kwargs beside params$/,
    ],
    [
      'kwargs of a type whose params have a schema',
      '{"task_type": "test_task", "kwargs": {"steps": 0}}',
      '/kwargs',
      /^is not taken: this task type has a schema for its params$/,
    ],
    ['args that are no list', '{"task_type": "spec", "args": {}}', '/args', /^must be array$/],
    [
      'kwargs that are no object',
      '{"task_type": "spec", "kwargs": [1]}',
      '/kwargs',
      /^must be object$/,
    ],
    [
      'args with what kombu can’t read',
      `{"task_type": "spec", "args": [1, ${kombu('"money"', '1')}]}`,
      '/args/1/a',
      /__type__/,
    ],
    [
      'kwargs with what kombu can’t read',
      `{"task_type": "spec", "kwargs": ${kombu('"money"', '1')}}`,
      '/kwargs/a',
      /__type__/,
    ],
    [
      'kwargs of which kombu makes a date',
      '{"task_type": "spec", "kwargs": {"__type__": "date", "__value__": "2026-02-28"}}',
      '/kwargs',
      /^is what kombu writes for another value/,
    ],
    [
      'params of which kombu makes a date, for a task that takes kwargs',
      '{"task_type": "keywords.a", "params": {"__type__": "date", "__value__": "2026-02-28"}}',
      '/params',
      /^is what kombu writes for another value/,
    ],
  ];
  for (const [what, request, pointer, message] of refusedArguments) {
    it(`is not made of ${what}`, async () => {
      const response = await service
        .post('/assign-task/')
        .set('Content-Type', 'application/json')
        .send(request)
        .expect(400);
      const { details } = response.body as { details: { errors: Record<string, string>[] } };
      assert.deepEqual(
        details.errors.map((fault) => fault.pointer),
        [pointer],
      );
      assert.match(details.errors[0]?.message ?? '', message);
      assert.deepEqual(await redis.keys('*'), []);
    });
  }

  const refused: [what: string, params: string, pointer: string, message: RegExp][] = [
    ['a number beyond a double', '{"a": [0, 1e400]}', '/params/a/1', /range of a double/],
    ['a negative one', '{"a~/": -1e400}', '/params/a~0~1', /range of a double/],
    ['an integer of 4301 digits', `{"a": ${'9'.repeat(4301)}}`, '/params/a', /4300 digits/],
    ['a type that kombu does not know', kombu('"money"', '1'), '/params/a', /__type__/],
    ['a type that is no text', kombu('[]', '1'), '/params/a', /__type__/],
    ['a date that is none', kombu('"date"', '"2026-02-30"'), '/params/a', /__type__/],
    ['bytes that are no text', kombu('"bytes"', '[1]'), '/params/a', /__type__/],
    ['base64 that is none', kombu('"base64"', '"a"'), '/params/a', /__type__/],
    [
      'a type written in escapes',
      kombu('"money"', '1').replace('__t', '\\u005f_t'),
      '/params/a',
      /__/,
    ],
  ];
  for (const [what, params, pointer, message] of refused) {
    it(`is not made of ${what}, which a worker might not read`, async () => {
      const response = await service
        .post('/assign-task/')
        .set('Content-Type', 'application/json')
        .send(`{"task_type": "spec", "params": ${params}}`)
        .expect(400);
      const { details } = response.body as { details: { errors: Record<string, string>[] } };
      assert.equal(details.errors.length, 1);
      assert.equal(details.errors[0]?.pointer, pointer);
      assert.match(details.errors[0].message ?? '', message);
      assert.deepEqual(await redis.keys('*'), []);
    });
  }

  it('counts the last of two params, for validation as for the worker', async () => {
    const send = (first: string, last: string) =>
      service
        .post('/assign-task/')
        .set('Content-Type', 'application/json')
        .send(
          `{"params": ${first}, "task_type": "test_task", "par\\u0061ms": ${last}, "other": {"params": 1}}`,
        );
    await send('{"steps": 1}', '{"steps": 0}').expect(400);
    await send('{"steps": 0}', '{"steps": 2.0, "last": 1.0}').expect(200);
    const { worker_queue: messages = [] } = await readMessages('worker_queue');
    assert.deepEqual(
      messages.map(({ args }) => args),
      ["[{'steps': 2.0, 'last': 1.0}]"],
    );
  });
});

/** Each of these has been lost or changed by one JSON reader or another. */
const KNOWN_TEXTS = [
  '{}',
  '{"a": 9007199254740993, "b": 1.0, "c": -0.0, "d": -0, "e": 1e5, "f": 1E-7}',
  `{"a": ${'1234567890'.repeat(4)}, "b": ${'9'.repeat(4300)}, "c": 123456789012345680000}`,
  '{"a": 1e16, "b": 1e22, "c": 0.0001, "d": 0.00001, "e": 1.7976931348623157e308, "f": 5e-324}',
  '{"2": "b", "1": "a", "x": {"10": 1, "9": 2}}',
  '{"a": 1, "b": 2, "a": 3}',
  '{"a": "\\ud800", "b": "\\udc00\\ud800", "c": "\\ud83d\\ude00", "\\ud800": 1}',
  '{"__proto__": {"polluted": 1}, "constructor": 2, "toString": 3}',
  '{"text": "it\'s \\"quoted\\" \\\\ and\\nbroken"}',
  '{"a": {"b": {"c": {"d": 1}}}, "e": [[[1]], [[]], [{}]]}',
  `{"deep": ${'['.repeat(250)}${']'.repeat(250)}}`,
  `{"long": "${'word '.repeat(400)}", "after": [1, {"b": 2}]}`,
  `{"list": [${Array.from({ length: 500 }, (_, index) => index).join(', ')}]}`,
  `{"emoji": "${'😀'.repeat(1100)}"}`,
  ...[1005, 1006, 1007, 1008, 1009, 1010].map((length) => {
    return `{"a": "${'x'.repeat(length)}", "b": [1, {"c": {}}]}`;
  }),
  // Large ones.
  `{"escapes": "${'\\u00e9\\ud83d\\ude00 \\\\ \\n\\"'.repeat(1_000)}"}`,
  `{"${'\\ud83d\\ude00'.repeat(2_000)}": 1, "b": 2}`,
  `{"wide": "${'猫 は '.repeat(5_000)}", "b": 1}`,
  `{"records": [${'{"a": 1.50, "b": [true, null], "c": {"d": []}},'.repeat(600)} -1.5e-7]}`,
  `{"unseen": [[[${'"\\"[{", '.repeat(4_000)} 1]]], "after": [1, "b"], "after": 2}`,
  `{"numbers": [${'1234567890.5, '.repeat(3_000)} 1]}`,
  `{"a": [${' '.repeat(20_000)}1], "b": ${'\n'.repeat(20_000)}{"c": "d"}}`,
  `{"first": 1, "text": "${'x'.repeat(20_000)}"}`,
  kombu('"datetime"', '"2026-01-31T09:30:00.123456+02:00"'),
  kombu('"uuid"', '{"hex": "1d0e0c3b6a7f4bb78ab40d5a4a4c1f5e"}'),
  '{"__type__": 1}',
  // Names alike as far as they are shown, with a space where they are cut.
  `{"a ${'b'.repeat(3_000)}1": 1, "a ${'b'.repeat(3_000)}2": 2}`,
  // Cut between escapes, of which two are one code point, and between UTF-8 of four bytes.
  JSON.stringify({ a: `x${'\u{1f600}'.repeat(1_500)}` }).replaceAll('\u{1f600}', '\\ud83d\\ude00'),
  JSON.stringify({ a: `é ${'\u{1f600}'.repeat(1_500)}`, b: `"\n${'€\\'.repeat(2_000)}` }),
];

/** Positional and keyword arguments. */
const KNOWN_ARGUMENTS: readonly (readonly [args: string, kwargs: string])[] = [
  ['[]', '{}'],
  ['[1, "a", null, 1.0]', '{}'],
  ['[]', '{"a": 9007199254740993, "b": 1e5}'],
  ['[[[["deep"]]], {"a": {"b": {"c": 1}}}]', '{"a": {"b": {"c": {"d": 1}}}, "e": [[[1]]]}'],
  [`[${'"x", '.repeat(5_000)} 1]`, `{"wide": "${'猫 は '.repeat(5_000)}", "b": 1}`],
  [' [ 1 , 2 ] ', ' { "a" : 1 , "a" : 2 } '],
  [`["${'y'.repeat(20_000)}"]`, '{"self": 1, "args": 2, "kwargs": 3}'],
];

function kombu(type: string, value: string): string {
  return `{"a": {"__type__": ${type}, "__value__": ${value}}}`;
}

function databaseUrl(database: number): string {
  return theFleet().redis.url.replace(/0$/, String(database));
}

async function assign(service: TestService, params: string, options?: string): Promise<void> {
  const more = options === undefined ? '' : `, "options": ${options}`;
  await send(service, `{"task_type": "spec", "params": ${params}${more}}`);
}

async function send(service: TestService, request: string): Promise<void> {
  await service
    .post('/assign-task/')
    .set('Content-Type', 'application/json')
    .send(request)
    .expect(200);
}

/** The moment in so many seconds, as Python writes a datetime in UTC. */
function isoformat(seconds: number): string {
  const whole = Math.round(Date.now() / 1_000) + seconds;
  return new Date(whole * 1_000).toISOString().replace('.000Z', '+00:00');
}

/** Python has sent its message some seconds later. */
const LATER_MS = 60_000;

function assertSameTimes(ours: Message | undefined, theirs: Message | undefined): void {
  for (const name of ['eta', 'expires']) {
    const [our, their] = [ours?.headers[name], theirs?.headers[name]];
    if (our === null || their === null) {
      assert.equal(our, their, name);
      continue;
    }
    assert.ok(typeof our === 'string' && typeof their === 'string');
    for (const text of [our, their]) {
      assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00$/);
    }
    assert.ok(Math.abs(Date.parse(our) - Date.parse(their)) < LATER_MS, name);
  }
  const [our, their] = [ours?.properties.expiration, theirs?.properties.expiration];
  assert.equal(typeof our, typeof their);
  if (typeof our === 'string') {
    assert.match(our, /^\d+$/);
    assert.ok(Math.abs(Number(our) - Number(their)) < LATER_MS);
  }
}

/** Without what `assertSameTimes` compares, but that it is there. */
function timeless(value: unknown): unknown {
  const text = JSON.stringify(value, (key, member: unknown) =>
    ['eta', 'expires', 'expiration'].includes(key) && member !== null ? 'a time' : member,
  );
  return JSON.parse(text);
}

async function sendWithPython(texts: readonly string[], options: object = {}): Promise<void> {
  await sendLinesWithPython(
    texts.map((params) => JSON.stringify({ name: 'worker.spec', params, options })),
  );
}

/** @param lines of JSON, as the module send_tasks describes them */
async function sendLinesWithPython(lines: readonly string[]): Promise<void> {
  await runPython('send_tasks', [], {
    input: lines.join('\n'),
    redisUrl: databaseUrl(BROKER_DATABASE),
  });
}

async function readMessages(...keys: string[]): Promise<Record<string, Message[]>> {
  const redisUrl = databaseUrl(BROKER_DATABASE);
  return JSON.parse(await runPython('read_messages', keys, { redisUrl })) as Record<
    string,
    Message[]
  >;
}

/** Cuts all others to this client's database. */
async function cutOtherConnections(redis: Redis): Promise<void> {
  const own = await redis.client('ID');
  const clients = String(await redis.client('LIST')).split('\n');
  for (const client of clients.filter((line) => line.includes(` db=${BROKER_DATABASE} `))) {
    const [, id = ''] = /^id=(\d+)/.exec(client) ?? [];
    if (id !== String(own)) {
      await redis.client('KILL', 'ID', id);
    }
  }
}

/** Without what names the sender or this one message. */
function comparable(message: Message | undefined): unknown {
  assert.ok(message);
  const { id, root_id, origin, lang, ...headers } = message.headers;
  const { correlation_id, reply_to, delivery_tag, ...properties } = message.properties;
  for (const value of [id, root_id, origin, lang, correlation_id, reply_to, delivery_tag]) {
    assert.equal(typeof value, 'string');
  }
  return { ...message, headers, properties };
}

function eventOf(event: { channel: string; text: string } | undefined): {
  body: Record<string, unknown>;
  comparable: unknown;
} {
  assert.ok(event);
  const {
    body: encoded,
    headers,
    properties,
    ...rest
  } = JSON.parse(event.text) as {
    body: string;
    headers: object;
    properties: Record<string, unknown>;
  };
  const body = JSON.parse(Buffer.from(encoded, 'base64').toString()) as Record<string, unknown>;
  assert.deepEqual(headers, { hostname: body.hostname });
  const { uuid, root_id, hostname, pid, clock, timestamp, ...fields } = body;
  const { delivery_tag, ...otherProperties } = properties;
  const own = { uuid, root_id, hostname, pid, clock, timestamp, delivery_tag };
  return {
    body,
    comparable: {
      channel: event.channel,
      ...rest,
      fields,
      properties: otherProperties,
      types: Object.entries(own).map(([name, value]) => [name, typeof value]),
    },
  };
}
