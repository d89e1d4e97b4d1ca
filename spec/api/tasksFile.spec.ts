import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { theFleet } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';

// No worker listens to this database.
const DATABASE = 9;

const TASKS = `
tasks:
  invoice:
    summary: Writes an invoice.
    params_as: kwargs
    queue: billing_queue
    options: { priority: 3, time_limit: 60, soft_time_limit: 50, countdown: 1 }
    params:
      type: object
      required: [customer]
      properties:
        customer: { $ref: '#/schemas/Customer' }
        lines: { type: array, items: { $ref: '#/$defs/Line' } }
        amount: { type: integer, minimum: 1, default: 1 }
      $defs:
        Line: { type: object, properties: { text: { type: string }, more: { $ref: '#/$defs/Line' } } }
      examples: [{ customer: C-7 }]
    result: { type: object, properties: { number: { type: string } } }
  plain:
  nested:
    params:
      type: object
      allOf: [{ $ref: '#/schemas/Required' }]
      properties:
        contains: { type: string, x-sensitive: true }
        $id: { type: string }
        default: { $ref: '#/schemas/Customer' }
        path: { type: string, format: file-path }
        pet:
          oneOf: [{ $ref: '#/$defs/Cat' }]
          discriminator: { propertyName: kind, mapping: { cat: '#/$defs/Cat' } }
      examples: [{ $ref: none }]
      $defs: { Cat: { type: object, properties: { kind: { const: cat } } } }
  revoke:
    params: { $ref: '#/schemas/Anything' }
    progress: { type: integer }
schemas:
  Anything: { type: object }
  Required: { type: object, required: [customer] }
  Customer: { type: string, pattern: '^C-', x-allowed: a customer such as C-7 }
x-note: of the owner's own
`;

interface Message {
  headers: {
    task: string;
    argsrepr: string;
    kwargsrepr: string;
    timelimit: unknown[];
    eta: unknown;
  };
  properties: { priority: number; delivery_info: { routing_key: string } };
  body: string;
}

interface Document {
  components: { schemas: Record<string, Record<string, unknown>> };
  paths: Record<
    string,
    { post: { requestBody: { content: Record<string, { examples: object }> } } }
  >;
}

describe('TASKS_FILE', () => {
  let folder: string;
  let redis: Redis;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tasks-'));
    redis = new Redis(theFleet().redis.port, { db: DATABASE });
  });
  after(async () => {
    redis.disconnect();
    await rm(folder, { recursive: true });
  });

  const write = async (text: string, name = 'tasks.yaml'): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, text);
    return file;
  };

  const start = (files: string, more: Record<string, string> = {}): Promise<TestService> =>
    startTestService({
      CELERY_BROKER_URL: theFleet().redis.url.replace(/0$/, String(DATABASE)),
      TASKS_FILE: files,
      ...more,
    });

  describe('with tasks', () => {
    let service: TestService;
    before(async () => {
      service = await start(await write(TASKS));
    });
    beforeEach(() => redis.flushdb());
    after(() => service.close());

    const sent = async (queue: string): Promise<Message> =>
      JSON.parse((await redis.rpop(queue)) ?? '{}') as Message;

    it('sends a task as it says: arguments, queue and options', async () => {
      await service.assign('invoice', { customer: 'C-7' });
      const { headers, properties, body } = await sent('billing_queue\x06\x163');
      assert.equal(headers.task, 'worker.invoice');
      assert.deepEqual(headers.timelimit, [60, 50]);
      assert.equal(properties.priority, 3);
      assert.equal(properties.delivery_info.routing_key, 'billing_queue');
      const [args, kwargs] = JSON.parse(Buffer.from(body, 'base64').toString()) as unknown[];
      assert.deepEqual([args, kwargs], [[], { customer: 'C-7' }]);
    });

    it('lets a request’s own options go first, each for itself, and drops what contradicts them', async () => {
      const eta = '2026-01-31T09:30:00Z';
      const options = { priority: 9, queue: 'worker_queue', eta, time_limit: 40 };
      const params = { customer: 'C-7' };
      await service
        .post('/assign-task/')
        .send({ task_type: 'invoice', params, options })
        .expect(200);
      const { headers, properties } = await sent('worker_queue\x06\x169');
      assert.equal(properties.priority, 9);
      assert.deepEqual(headers.timelimit, [40, null]);
      assert.equal(headers.eta, '2026-01-31T09:30:00+00:00');
    });

    it('lets others choose a queue that it names, and watches it', async () => {
      const request = { task_type: 'other', options: { queue: 'billing_queue' } };
      await service.post('/assign-task/').send(request).expect(200);
      const response = await service.get('/queues/').expect(200);
      const { queues } = response.body as { queues: { name: string; depth: number }[] };
      assert.equal(queues.find(({ name }) => name === 'billing_queue')?.depth, 1);
      await service
        .get('/metrics')
        .expect(200)
        .expect(/queue="billing_queue"/);
    });

    const faulty: [what: string, request: object, pointer: string, message: RegExp][] = [
      ['no params', { task_type: 'invoice' }, '/params', /^is required$/],
      [
        'params of another kind',
        { task_type: 'invoice', params: { customer: 'D-7' } },
        '/params/customer',
        /^must be a customer such as C-7: /,
      ],
      [
        'a definition of the schema’s own',
        { task_type: 'invoice', params: { customer: 'C-7', lines: [{ more: { text: 7 } }] } },
        '/params/lines/0/more/text',
        /^must be string$/,
      ],
      [
        'no params where they lack something by another schema',
        { task_type: 'nested' },
        '/params/customer',
        /^is required$/,
      ],
      [
        'a member whose name is a keyword’s',
        { task_type: 'nested', params: { customer: 'C-7', default: 'D-7' } },
        '/params/default',
        /^must be a customer/,
      ],
      [
        'args where params have a schema',
        { task_type: 'invoice', args: ['C-7'] },
        '/args',
        /^is not taken/,
      ],
    ];
    for (const [what, request, pointer, message] of faulty) {
      it(`refuses ${what}`, async () => {
        const response = await service.post('/assign-task/').send(request).expect(400);
        const { errors } = (response.body as { details: { errors: Record<string, string>[] } })
          .details;
        const found = errors.find((fault) => fault.pointer === pointer);
        assert.match(found?.message ?? JSON.stringify(errors), message);
      });
    }

    it('takes params or arguments of a type without a schema', async () => {
      await service.assign('plain', { a: 1 });
      const request = { task_type: 'plain', args: [1], kwargs: { a: 2 } };
      await service.post('/assign-task/').send(request).expect(200);
      await sent('worker_queue');
      const { body } = await sent('worker_queue');
      assert.match(Buffer.from(body, 'base64').toString(), /^\[\[1\], \{"a":2\}, /);
    });

    it('becomes a part of the contract, with names that nothing else has', async () => {
      const response = await service.get('/openapi.json').expect(200);
      const { components, paths } = response.body as Document;
      const { schemas } = components;
      assert.deepEqual(schemas.AssignTaskRequest?.oneOf, [
        { $ref: '#/components/schemas/InvoiceRequest' },
        { $ref: '#/components/schemas/PlainRequest' },
        { $ref: '#/components/schemas/NestedRequest' },
        { $ref: '#/components/schemas/Revoke2Request' },
        { $ref: '#/components/schemas/OtherTaskRequest' },
      ]);
      assert.deepEqual(schemas.InvoiceRequest, {
        description: 'Writes an invoice.',
        type: 'object',
        required: ['task_type', 'params'],
        properties: {
          task_type: { type: 'string', const: 'invoice', default: 'invoice' },
          params: { $ref: '#/components/schemas/InvoiceParams' },
          options: { $ref: '#/components/schemas/TaskOptions' },
        },
      });
      assert.deepEqual(Object.keys(schemas.InvoiceParams ?? {}), [
        ...['type', 'required', 'properties', 'examples'],
      ]);
      assert.deepEqual(schemas.InvoiceParamsLine?.properties, {
        text: { type: 'string' },
        more: { $ref: '#/components/schemas/InvoiceParamsLine' },
      });
      assert.equal(schemas.Customer?.pattern, '^C-');
      assert.deepEqual(schemas.InvoiceResult?.properties, { number: { type: 'string' } });
      assert.deepEqual(schemas.Revoke2Progress, { type: 'integer' });
      const { properties } = schemas.OtherTaskRequest as { properties: { task_type: object } };
      assert.deepEqual(properties.task_type, {
        $ref: '#/components/schemas/TaskType',
        not: { enum: ['invoice', 'plain', 'nested', 'revoke'] },
      });
      const { examples } =
        paths['/assign-task/']?.post.requestBody.content['application/json'] ?? {};
      assert.deepEqual(Object.entries(examples ?? {})[0], [
        'invoice',
        {
          summary: 'Writes an invoice.',
          value: { task_type: 'invoice', params: { customer: 'C-7' } },
        },
      ]);
    });
  });

  it('is read from several files, from folders, as YAML and as JSON', async () => {
    const inner = join(folder, 'inner');
    await mkdir(inner);
    await write('tasks: { a: { params: { type: object, required: [x] } } }', 'inner/a.yml');
    await write('{"tasks": {"b": {"queue": "b_queue"}}}', 'inner/b.json');
    await write('no tasks', 'inner/notes.txt');
    const more = await write('tasks: { "a/b: c": { queue: c_queue } }', 'more.yaml');
    const service = await start(`${inner}, ${more}`, { TASK_NAMESPACES: '*' });
    await service.post('/assign-task/').send({ task_type: 'a' }).expect(400);
    await service.assign('b');
    await service.assign('a/b: c');
    await service.close();
    assert.deepEqual([await redis.llen('b_queue'), await redis.llen('c_queue')], [1, 1]);
  });

  const refused: [what: string, text: string, message: RegExp][] = [
    ['no YAML', 'tasks: {\n', /tasks\.yaml:1: is not YAML: /],
    [
      'an alias of itself',
      'tasks: &tasks\n  a: *tasks\n',
      /tasks\.yaml:1: is not YAML: .*circular/,
    ],
    ['no tasks', 'task: {}\n', /tasks\.yaml:1: \/tasks is required\n.*:1: \/task is not known/],
    ['a list of tasks', 'tasks:\n  - a\n', /tasks\.yaml:1: \/tasks must be object/],
    [
      'an unknown member',
      'tasks:\n  a:\n    params: { type: object }\n    parms: {}\n',
      /tasks\.yaml:4: \/tasks\/a\/parms is not known$/,
    ],
    [
      'a name that is no task type',
      'tasks:\n  a b: {}\n',
      /tasks\.yaml:2: \/tasks\/a b has a name that can't be used here/,
    ],
    [
      'a schema of no type',
      'tasks:\n  a:\n    params:\n      type: object\n      properties:\n        x: { type: text }\n',
      /tasks\.yaml:6: \/tasks\/a\/params\/properties\/x\/type must be /,
    ],
    [
      'a misspelt keyword',
      'tasks:\n  a:\n    params: { type: object, properties: { x: { type: integer, minimun: 1 } } }\n',
      /tasks\.yaml:3: \/tasks\/a\/params can't be used as a schema: unknown keyword: "minimun"/,
    ],
    [
      'params that are no object',
      'tasks:\n  a:\n    params: { type: array }\n',
      /tasks\.yaml:3: \/tasks\/a\/params must have type: object/,
    ],
    [
      'a reference to nothing',
      "tasks:\n  a:\n    params:\n      type: object\n      properties: { x: { $ref: '#/schemas/X' } }\n",
      /tasks\.yaml:5: \/tasks\/a\/params\/properties\/x\/\$ref refers to nothing/,
    ],
    [
      'a reference to another document',
      "tasks:\n  a:\n    result: { $ref: 'https://example.com/x.json' }\n",
      /tasks\.yaml:3: \/tasks\/a\/result\/\$ref refers to nothing/,
    ],
    [
      'an option that is no default',
      'tasks:\n  a:\n    options: { task_id: x }\n',
      /tasks\.yaml:3: \/tasks\/a\/options\/task_id has a name that can't be used here/,
    ],
    [
      'an option out of bounds',
      'tasks:\n  a:\n    options: { priority: 10 }\n',
      /tasks\.yaml:3: \/tasks\/a\/options\/priority must be <= 9/,
    ],
    [
      'x-sensitive where it may be overlooked, in another schema',
      "tasks:\n  a:\n    params:\n      type: object\n      properties:\n        x: { type: array, contains: { $ref: '#/schemas/S' } }\nschemas: { S: { x-sensitive: true } }\n",
      /tasks\.yaml:6: \/tasks\/a\/params\/properties\/x\/contains is x-sensitive below contains/,
    ],
    [
      'a schema that refers to itself',
      "tasks:\n  a:\n    params: { type: object, allOf: [{ $ref: '#/schemas/A' }] }\nschemas: { A: { allOf: [{ $ref: '#' }] } }\n",
      /tasks\.yaml:\d: \S+ can't be used as a schema: it refers to itself without end/,
    ],
    [
      'x-sensitive where it may be overlooked',
      'tasks:\n  a:\n    params:\n      type: object\n      properties:\n        x: { type: array, contains: { x-sensitive: true } }\n',
      /tasks\.yaml:6: \/tasks\/a\/params\/properties\/x\/contains is x-sensitive below contains/,
    ],
  ];
  for (const [what, text, message] of refused) {
    it(`stops the start for a file with ${what}, which is named by its line`, async () => {
      await assert.rejects(start(await write(text)), (error: Error) => {
        assert.equal(error.name, 'ContractError');
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it('stops the start where a file is missing, or a task type is described twice', async () => {
    const missing = join(folder, 'missing.yaml');
    await assert.rejects(start(missing), /TASKS_FILE names \S+missing\.yaml.*: ENOENT/);
    const one = await write('tasks: { a: }', 'one.yaml');
    const two = await write('tasks:\n  b:\n  a:\n', 'two.yaml');
    await assert.rejects(
      start(`${one},${two}`),
      /two\.yaml:3: \/tasks\/a is described in \S+one\.yaml already/,
    );
  });

  it('refuses another way to write a task type that it describes', async () => {
    const file = await write('tasks: { b.c: { params: { type: object } } }');
    const service = await start(file, { TASK_PREFIX: 'a', TASK_NAMESPACES: 'a,a.b' });
    const request = { task_type: 'a.b.c', args: [1] };
    const response = await service.post('/assign-task/').send(request).expect(400);
    assert.match((response.body as { message: string }).message, /is another way to write/);
    await service.close();
  });

  it('may describe hundreds of task types', async () => {
    const many = Array.from({ length: 400 }, (_, index) => {
      return `  t${index}: { params: { type: object, required: [a], properties: { a: { type: string } } } }`;
    });
    const service = await start(await write(`tasks:\n${many.join('\n')}\n`));
    await service
      .post('/assign-task/')
      .send({ task_type: 't399', params: { a: 1 } })
      .expect(400);
    await service.assign('t399', { a: 'a' });
    await service.close();
  });

  it('describes no task type with none', async () => {
    const service = await start('none');
    await service.post('/assign-task/').send({ task_type: 'approve_batches' }).expect(200);
    const response = await service.get('/openapi.json').expect(200);
    const { schemas } = (response.body as Document).components;
    assert.deepEqual(schemas.AssignTaskRequest?.oneOf, [
      { $ref: '#/components/schemas/OtherTaskRequest' },
    ]);
    await service.close();
  });
});
