import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { JsonText } from '../../src/json/jsonText.js';
import { redacted } from '../../src/json/redaction.js';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';

// No worker listens to this database.
const DATABASE = 9;

/** Task types of the fleet's own, as a team would describe them. */
const TASKS = `
tasks:
  log_in:
    params: &params
      type: object
      properties:
        user: { type: string, x-sensitive: false }
        password: { $ref: '#/schemas/Password' }
        accounts:
          type: array
          items: { type: object, properties: { a/b~c: { x-sensitive: true } } }
  log_in_by_name:
    params: *params
    params_as: kwargs
schemas:
  Password: { type: string, minLength: 8, x-sensitive: true }
`;

// The number is longer than any run of digits in a UUID, so that no task id can hold it by chance.
const SECRET_NUMBER = 4711081547110815;
const SECRETS = ['hunter2-secret', 'first-secret', 'second-secret', String(SECRET_NUMBER)];
const PARAMS = {
  user: 'ann',
  password: SECRETS[0],
  accounts: [{ 'a/b~c': SECRETS[1], id: 1 }, { 'a/b~c': { deep: [SECRETS[2], SECRET_NUMBER] } }],
};

describe('What the contract marks x-sensitive', () => {
  let folder: string;
  let service: TestService;
  let redis: Redis;
  let subscriber: Redis;
  const events: string[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'contract-'));
    const file = join(folder, 'tasks.yaml');
    await writeFile(file, TASKS);
    const url = theFleet().redis.url.replace(/\/\d*$/, `/${DATABASE}`);
    service = await startTestService({ CELERY_BROKER_URL: url, TASKS_FILE: file });
    redis = new Redis(url);
    subscriber = new Redis(url);
    subscriber.on('pmessage', (_pattern, _channel, event: string) => events.push(event));
    await subscriber.psubscribe(`/${DATABASE}.celeryev/*`);
  });
  beforeEach(async () => {
    await redis.flushdb();
    events.length = 0;
    service.lines.length = 0;
  });
  after(async () => {
    await service.close();
    redis.disconnect();
    subscriber.disconnect();
    await rm(folder, { recursive: true });
  });

  for (const [what, more] of [
    ['', '{}'],
    [' beside what JSON.parse would change', '{"1":1.0,"0":9007199254740993}'],
  ] as const) {
    it(`reaches the worker and is shown nowhere${what}`, async () => {
      const params = `{${JSON.stringify(PARAMS).slice(1, -1)},"more":${more}}`;
      const body = `{"task_type":"log_in","params":${params}}`;
      await service.post('/assign-task/').type('json').send(body).expect(200);

      const [payload = ''] = await redis.lrange('worker_queue', 0, -1);
      const message = JSON.parse(payload) as { body: string; headers: { argsrepr: string } };
      const args = Buffer.from(message.body, 'base64').toString();
      assert.ok(args.startsWith(`[[${params}]`));
      assert.match(
        message.headers.argsrepr,
        /^\[\{'user': 'ann', 'password': '\*\*\*', 'accounts': \[\{\.\.\.\}, \{\.\.\.\}\], 'more': \{/,
      );
      const event = await eventually('the event', () => events[0]);
      const told = JSON.parse(event) as { body: string };
      const line = await eventually('the log line', () =>
        service.lines.find(({ message: text }) => text === 'request'),
      );
      assertWithoutSecrets(JSON.stringify(message.headers));
      assertWithoutSecrets(Buffer.from(told.body, 'base64').toString());
      assertWithoutSecrets(JSON.stringify(line));
    });
  }

  it('is shown nowhere of keyword arguments', async () => {
    const request = { task_type: 'log_in_by_name', params: PARAMS };
    await service.post('/assign-task/').send(request).expect(200);
    const [payload = ''] = await redis.lrange('worker_queue', 0, -1);
    const { headers, body } = JSON.parse(payload) as {
      headers: { kwargsrepr: string };
      body: string;
    };
    assertWithoutSecrets(JSON.stringify(headers));
    assert.match(headers.kwargsrepr, /^\{'user': 'ann', 'password': '\*\*\*', 'accounts': \[\{/);
    const sent = `[[], ${JSON.stringify(PARAMS)}, {`;
    assert.ok(Buffer.from(body, 'base64').toString().startsWith(sent));
  });

  it('is shown by a dry run to its caller, in the message itself, and nowhere else', async () => {
    const answer = await service
      .post('/assign-task/?dry_run=true')
      .send({ task_type: 'log_in', params: PARAMS })
      .expect(200);
    const { headers, event, body } = answer.body as {
      headers: object;
      event: { envelope: string };
      body: unknown[];
    };
    assert.deepEqual(body[0], [PARAMS]);
    assertWithoutSecrets(JSON.stringify(headers));
    const told = JSON.parse(event.envelope) as { body: string };
    assertWithoutSecrets(Buffer.from(told.body, 'base64').toString());
    const line = await eventually('the log line', () =>
      service.lines.find(({ message: text }) => text === 'request'),
    );
    assertWithoutSecrets(JSON.stringify({ ...line.fields, request_id: '', duration_ms: 0 }));
  });

  it('is shown nowhere of tasks that are sent together', async () => {
    const tasks = ['other', 'log_in', 'log_in'].map((task_type) => ({ task_type, params: PARAMS }));
    await service.post('/assign-tasks/').send(tasks.slice(1)).expect(200);
    await service
      .post('/assign-tasks/')
      .send([...tasks.slice(1), { task_type: 'log_in', params: { password: '4711' } }])
      .expect(400);
    await eventually('the events', () => events.length === 2 || undefined);
    const payloads = await redis.lrange('worker_queue', 0, -1);
    for (const payload of payloads) {
      const { headers, body } = JSON.parse(payload) as { headers: object; body: string };
      assertWithoutSecrets(JSON.stringify(headers));
      assert.ok(Buffer.from(body, 'base64').toString().includes(JSON.stringify(PARAMS)));
    }
    for (const event of events) {
      const { body } = JSON.parse(event) as { body: string };
      assertWithoutSecrets(Buffer.from(body, 'base64').toString());
    }
    const logged = service.lines.map(({ fields }) => ({
      ...fields,
      request_id: '',
      duration_ms: 0,
    }));
    assert.equal(logged.length, 2);
    assertWithoutSecrets(JSON.stringify(logged));
    // Pointers are those of one task: without a mark, another one's values are shown.
    await service.post('/assign-tasks/').send(tasks.slice(0, 2)).expect(200);
    const [second, first] = await redis.lrange('worker_queue', 0, 1);
    assert.ok(first?.includes("'password': 'hunter2-secret'"));
    assert.ok(second?.includes("'password': '***'"));
  });

  for (const [what, body] of [
    ['faulty', '{"task_type":"log_in","params":{"password":"4711"}}'],
    [
      'unreadable for a worker',
      '{"task_type":"log_in","params":{"password":"4711....","x":{"__type__":"4711","__value__":0}}}',
    ],
    ['no JSON', '{"task_type":"log_in","params":{"password":4711 4711}}'],
    ['no JSON at all', '{"password":x4711}'],
  ] as const) {
    it(`is in neither answer nor log of a request that is ${what}`, async () => {
      const answer = await service.post('/assign-task/').type('json').send(body).expect(400);
      assertWithoutSecrets(answer.text.replace(/"request_id":"[^"]*"/, ''));
      const { fields } = await eventually('the log line', () => service.lines[0]);
      assertWithoutSecrets(
        JSON.stringify({ ...fields, request_id: '', task_id: '', duration_ms: 0 }),
      );
    });
  }
});

describe('redacted', () => {
  const cases: [json: string, pointers: string[], shown: string][] = [
    [
      '{"a":[{"b":1,"c":2},3],"d/e~f":{"":4},"g":{"h":5}}',
      ['/a/0/b', '/d~1e~0f/', '/nothing/here', '/a/7', '/a/1/b'],
      '{"a":[{"b":"***","c":2},3],"d/e~f":{"":"***"},"g":{"h":5}}',
    ],
    ['{"__proto__":{"a":1},"b":2}', ['/__proto__/a'], '{"__proto__":{"a":"***"},"b":2}'],
    ['{"a": 1}', [''], '"***"'],
    [
      '{"2":[{"1":7}],"1":9007199254740993}',
      ['/2/0/1'],
      '{"2":[{"1":"***"}],"1":9007199254740993}',
    ],
    ['{"a":1,"a":{"b":1.0}}', ['/a/b'], '{"a":{"b":"***"}}'],
    ['{"a": 1.0}', [], '{"a": 1.0}'],
  ];
  for (const [json, pointers, shown] of cases) {
    it(`masks ${pointers.join(', ') || 'nothing'} in ${json}`, () => {
      assert.equal(redacted(new JsonText(json), pointers).text, shown);
    });
  }
});

function assertWithoutSecrets(text: string): void {
  for (const secret of SECRETS) {
    assert.ok(!text.includes(secret), `${secret} in ${text}`);
  }
}
