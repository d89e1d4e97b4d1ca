import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { theFleet } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';
import { assertAsPython, resultOf } from '../support/tasks.js';

interface Message {
  headers: { task: string; id: string };
  properties: { delivery_info: { routing_key: string }; delivery_tag: string };
  body: string;
}

describe('POST /assign-task/', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService({ TASK_NAMESPACES: 'worker,automation' });
  });
  after(() => service.close());

  it('assigns a task that a Celery worker runs, as AsyncResult agrees', async () => {
    const health = await service.get('/health').expect(200);
    assert.equal((health.body as { redis_status: string }).redis_status, 'healthy');

    const assigned = await service
      .post('/assign-task/')
      .set('Content-Type', 'application/json')
      .send('{"task_type":"test_task","params":{}}')
      .expect(200);
    const { task_id, status, message } = assigned.body as Record<string, string>;
    assert.ok(task_id);
    assert.equal(status, 'assigned');
    assert.equal(message, "Task 'test_task' successfully assigned");

    assert.equal((await resultOf(service, task_id)).status, 'completed');
    await assertAsPython(service, [task_id]);
  });

  it('approves batches, and answers how many', async () => {
    // The stand-in for an ESC system keeps approvals for a day. Another task decides about batch 3 first.
    const redis = new Redis(theFleet().redis.url);
    await redis.del('esc-stand-in:1', 'esc-stand-in:2', 'esc-stand-in:3');
    redis.disconnect();
    await resultOf(
      service,
      await service.assign('approve_batches', { batch_ids: [3], auto_approve: true }),
    );
    const taskId = await service.assign('approve_batches', {
      batch_ids: [1, 2, 3],
      auto_approve: true,
    });
    const { result } = await resultOf(service, taskId);
    const { processed_batches, approved, rejected, ...rest } = result as Record<string, unknown>;
    assert.deepEqual(
      { processed_batches, approved, rejected },
      { processed_batches: 3, approved: 2, rejected: 1 },
    );
    assert.deepEqual(rest.approved_batches, [1, 2]);
    assert.deepEqual(rest.rejected_batches, [{ batch_id: 3, reason: 'already decided' }]);
  });

  it('passes unknown params on, and ignores unknown properties beside them', async () => {
    const params = { text: 'Grüße, 世界 🎉', deep: { list: [1, null, true, { a: [] }] }, '': 0.5 };
    const response = await service
      .post('/assign-task')
      .send({ task_type: 'automation.echo', params, priority: 'none of ours' })
      .expect(200);
    const { task_id } = response.body as { task_id: string };
    assert.deepEqual((await resultOf(service, task_id)).result, params);
  });

  it('answers with the task id under which a type that no worker knows fails', async () => {
    const body = await resultOf(service, await service.assign('no-such.type_'));
    assert.equal(body.status, 'failed');
    assert.equal(body.error, "'worker.no-such.type_'");
  });

  const refused: [string, unknown, [string, string][]][] = [
    ['no task type', {}, [['/task_type', 'is required']]],
    ['a task type that is a number', { task_type: 7 }, [['/task_type', 'must be string']]],
    ['params that are a list', { task_type: 'a', params: [] }, [['/params', 'must be object']]],
    ['params that are null', { task_type: 'a', params: null }, [['/params', 'must be object']]],
    ['a list', [], [['', 'must be object']]],
    ['a text', 'test_task', [['', 'must be object']]],
    [
      'no params where a task type needs some',
      { task_type: 'approve_batches' },
      [['/params', 'is required']],
    ],
    [
      'every fault of the params at once',
      { task_type: 'approve_batches', params: { batch_ids: [true, 'a'], auto_approve: 1 } },
      [
        ['/params/batch_ids/0', 'must be string,integer'],
        ['/params/auto_approve', 'must be boolean'],
      ],
    ],
    [
      'numbers out of bounds',
      { task_type: 'test_task', params: { success_rate: 1.5, steps: 0, duration: -1 } },
      [
        ['/params/duration', 'must be >= 0'],
        ['/params/success_rate', 'must be <= 1'],
        ['/params/steps', 'must be >= 1'],
      ],
    ],
  ];
  for (const [what, body, faults] of refused) {
    it(`refuses ${what}`, async () => {
      const response = await service
        .post('/assign-task/')
        .set('Content-Type', 'application/json')
        .send(JSON.stringify(body))
        .expect(400);
      assert.deepEqual(faultsOf(response.body), faults);
    });
  }

  for (const taskType of [
    '',
    '9',
    '.a',
    'a.',
    'a..b',
    'a b',
    'a\n',
    'é',
    '-a',
    'a.9',
    'x'.repeat(256),
  ]) {
    it(`refuses the task type ${JSON.stringify(taskType.slice(0, 9))}`, async () => {
      const response = await service
        .post('/assign-task/')
        .send({ task_type: taskType })
        .expect(400);
      assert.deepEqual(
        faultsOf(response.body).map(([pointer]) => pointer),
        ['/task_type'],
      );
    });
  }

  const unreadable: [string, string | undefined, string, RegExp][] = [
    ['malformed JSON', 'application/json', '{"task_type":', /body is not valid JSON/],
    ['an empty body', 'application/json', '', /body is empty/],
    [
      'a form',
      'application/x-www-form-urlencoded',
      'task_type=a',
      /Content-Type: application\/json/,
    ],
    ['a text', 'text/plain', '{"task_type":"a"}', /Content-Type: application\/json/],
  ];
  for (const [what, type, text, message] of unreadable) {
    it(`refuses ${what} as a 400 that says why`, async () => {
      const test = service.post('/assign-task/');
      const response = await (type === undefined ? test : test.set('Content-Type', type))
        .send(text)
        .expect(400);
      assert.match((response.body as { message: string }).message, message);
    });
  }

  it('refuses a body that is not UTF-8', async () => {
    const response = await service
      .post('/assign-task/')
      .set('Content-Type', 'application/json')
      .serialize((body: unknown) => body as string)
      .send(Buffer.from('{"task_type":"\xe9"}', 'latin1') as unknown as object)
      .expect(400);
    assert.match((response.body as { message: string }).message, /not UTF-8/);
  });

  it('takes a JSON body without a Content-Type, as the old service did', async () => {
    const response = await fetch(`${service.url}/assign-task/`, {
      method: 'POST',
      body: Buffer.from('{"task_type":"test_task","params":{"duration":0}}'),
    });
    assert.equal(response.status, 200);
  });

  it('treats __proto__ as a name like any other', async () => {
    const text = '{"task_type":"automation.echo","params":{"__proto__":{"polluted":true}}}';
    const response = await service
      .post('/assign-task/')
      .set('Content-Type', 'application/json')
      .send(text)
      .expect(200);
    const { task_id } = response.body as { task_id: string };
    const { result } = await resultOf(service, task_id);
    assert.equal(JSON.stringify(result), '{"__proto__":{"polluted":true}}');
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  describe('on the wire', () => {
    let redis: Redis;
    let routed: TestService;
    before(async () => {
      redis = new Redis(theFleet().redis.port, { db: 9 });
      routed = await startTestService({
        CELERY_BROKER_URL: theFleet().redis.url.replace(/0$/, '9'),
        TASK_NAMESPACES: 'worker,automation,reports.daily',
        TASK_BUILTINS: 'celery.backend_cleanup',
        TASK_ROUTES:
          'automation.*=automation_queue,*.urgent=urgent_queue,automation.slow=slow_queue,' +
          '*.mail*=mail_queue,*.v[1-3][!x-z].?=version_queue',
        TASK_QUEUE: 'spec_queue',
      });
    });
    after(async () => {
      await routed.close();
      redis.disconnect();
    });

    const routes: [taskType: string, queue: string, name: string][] = [
      ['approve', 'spec_queue', 'worker.approve'],
      ['worker.approve', 'spec_queue', 'worker.worker.approve'],
      ['automation.login', 'automation_queue', 'automation.login'],
      ['automation.slow', 'slow_queue', 'automation.slow'],
      ['automation', 'spec_queue', 'worker.automation'],
      ['automations.login', 'spec_queue', 'worker.automations.login'],
      ['reports.daily.urgent', 'urgent_queue', 'reports.daily.urgent'],
      ['reports.weekly', 'spec_queue', 'worker.reports.weekly'],
      ['mail', 'mail_queue', 'worker.mail'],
      ['mails.send', 'mail_queue', 'worker.mails.send'],
      ['v2a.b', 'version_queue', 'worker.v2a.b'],
      ['v4a.b', 'spec_queue', 'worker.v4a.b'],
      ['v2x.b', 'spec_queue', 'worker.v2x.b'],
      ['v2a.bc', 'spec_queue', 'worker.v2a.bc'],
      ['celery.chord_unlock', 'spec_queue', 'worker.celery.chord_unlock'],
      ['celery.backend_cleanup', 'spec_queue', 'celery.backend_cleanup'],
    ];
    const names = [
      'proj.billing.tasks.invoice',
      'invoice',
      'worker.approve',
      'proj: send mail',
      'a/b@2"c"',
      'celery.backend_cleanup',
      'celeryfleet.a',
    ];
    describe('with TASK_NAMESPACES=*', () => {
      let service: TestService;
      before(async () => {
        service = await startTestService({
          CELERY_BROKER_URL: theFleet().redis.url.replace(/0$/, '9'),
          TASK_NAMESPACES: '*',
          TASK_BUILTINS: 'celery.backend_cleanup',
          TASK_ROUTES: 'proj.*=proj_queue',
          TASK_QUEUE: 'spec_queue',
        });
      });
      after(() => service.close());

      for (const name of names) {
        it(`publishes ${name} as it is`, async () => {
          await service.assign(name, { a: 1 });
          const queue = name.startsWith('proj.') ? 'proj_queue' : 'spec_queue';
          const message = JSON.parse((await redis.rpop(queue)) ?? '') as Message;
          assert.equal(message.headers.task, name);
        });
      }

      const refused: [taskType: string, message: RegExp][] = [
        ['celery.chord_unlock', /^is one of Celery's own tasks/],
        ['celery.', /^is one of Celery's own tasks/],
        [' a', /^must be visible ASCII characters/],
        ['a\n', /^must be visible ASCII characters/],
        ['', /^is empty$/],
      ];
      for (const [taskType, message] of refused) {
        it(`refuses ${JSON.stringify(taskType)}`, async () => {
          const response = await service
            .post('/assign-task/')
            .send({ task_type: taskType })
            .expect(400);
          const [[pointer, found] = []] = faultsOf(response.body);
          assert.equal(pointer, '/task_type');
          assert.match(found ?? '', message);
          assert.equal(await redis.llen('spec_queue'), 0);
        });
      }
    });

    it('passes params on as they came, without the defaults of their schema', async () => {
      for (const [taskType, params] of [
        ['approve_batches', { batch_ids: ['B-1'], note: 'x' }],
        ['test_task', { steps: 1 }],
      ] as const) {
        await routed.assign(taskType, params);
        const message = JSON.parse((await redis.rpop('spec_queue')) ?? '') as Message;
        assert.deepEqual(bodyOf(message), [[params], {}, NO_CALLBACKS]);
      }
    });

    for (const [taskType, queue, name] of routes) {
      it(`publishes ${taskType} as ${name} to ${queue}, once`, async () => {
        const id = await routed.assign(taskType, { a: 1 });
        const messages = await redis.lrange(queue, 0, -1);
        await redis.del(queue);
        assert.equal(messages.length, 1);
        const message = JSON.parse(messages[0] ?? '') as Message;
        assert.equal(message.headers.task, name);
        assert.equal(message.headers.id, id);
        assert.equal(message.properties.delivery_info.routing_key, queue);
        assert.match(message.properties.delivery_tag, /^[0-9a-f-]{36}$/);
        assert.deepEqual(bodyOf(message), [[{ a: 1 }], {}, NO_CALLBACKS]);
      });
    }
  });
});

const NO_CALLBACKS = { callbacks: null, errbacks: null, chain: null, chord: null };

function bodyOf(message: Message): unknown {
  return JSON.parse(Buffer.from(message.body, 'base64').toString());
}

function faultsOf(body: unknown): [pointer: string, message: string][] {
  const { details } = body as { details: { errors: { pointer: string; message: string }[] } };
  return details.errors.map(({ pointer, message }) => [pointer, message]);
}
