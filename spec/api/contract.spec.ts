import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'yaml';
import { readConfig } from '../../src/config/config.js';
import { loadContract, type Contract } from '../../src/contract/contract.js';
import { createApp } from '../../src/http/app.js';
import { createWaiters } from '../../src/http/live/waiters.js';
import type { Log } from '../../src/log/log.js';
import type { Operations } from '../../src/operations/operation.js';
import { handOnTraces } from '../../src/tracing/tracing.js';
import { pointerToken, validateAgainst } from '../support/contractCheck.js';
import { REPOSITORY } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';

const FILE = pathToFileURL(`${REPOSITORY}openapi.yaml`);
const TASKS = `${REPOSITORY}workers-py/tasks.yaml`;

describe('The contract', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.close());

  it('is served as JSON and as YAML, the same', async () => {
    const plain = await startTestService({ TASKS_FILE: 'none' });
    const json = await plain.get('/openapi.json').expect('Content-Type', /^application\/json/);
    const yaml = await plain.get('/openapi.yaml').expect('Content-Type', /^text\/yaml/);
    await plain.close();
    assert.deepEqual(parse(yaml.text), json.body);
    const written = parse(readFileSync(FILE, 'utf8')) as object;
    assert.deepEqual(json.body, { ...written, servers: [{ url: '/' }] });
  });

  it('has the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(`${REPOSITORY}package.json`, 'utf8')) as {
      version: string;
    };
    assert.equal((await loadContract(FILE, '')).version, version);
  });

  it('decodes what stands for a parameter of a path', async () => {
    const response = await service.get('/result/a%2Eb').expect(200);
    assert.equal((response.body as { task_id: string }).task_id, 'a.b');
    await service.get('/result/%ZZ').expect(400);
    await service.get('/result//').expect(404);
  });

  it('prefers a path without parameters', () =>
    withContract(
      (text) => text.replace('/health/live:', '/result/live:'),
      async (file) => {
        const changed = await startTestService({}, { contract: file });
        try {
          const { status } = (await (await fetch(`${changed.url}/result/live`)).json()) as {
            status: string;
          };
          assert.equal(status, 'alive');
        } finally {
          await changed.close();
        }
      },
    ));

  it('takes a parameter for a part of a segment, and what else stands in a path for itself', () =>
    withContract(
      (text) => text.replace('/tasks/{task_id}/revoke:', '/tasks/{task_id}.stop:'),
      async (file) => {
        const changed = await startTestService({}, { contract: file });
        const answerTo = async (path: string): Promise<Response> =>
          fetch(`${changed.url}${path}`, { method: 'POST' });
        try {
          const answer = await answerTo('/tasks/a.b%2Ec.stop');
          assert.equal(answer.status, 200);
          assert.equal(((await answer.json()) as { task_id: string }).task_id, 'a.b.c');
          for (const path of [
            '/tasks/a-stop',
            '/tasks/a/b.stop',
            '/tasks/a.stop/b',
            '/tasks/a.stops',
          ]) {
            assert.equal((await answerTo(path)).status, 404, path);
          }
        } finally {
          await changed.close();
        }
      },
    ));

  it('has examples that fit their own schemas', () => {
    const examples = examplesOf(parse(readFileSync(FILE, 'utf8')));
    assert.ok(examples.length >= 15);
    for (const { pointer, value } of examples) {
      validateAgainst(`${pointer}/schema`, value, pointer);
    }
  });

  it('leaves what it validates as it is', async () => {
    const body = { task_type: 'approve_batches', params: { batch_ids: [] } };
    const values = { pathParameters: {}, headers: {}, query: {}, body };
    const contract = await loadContract(FILE, '', { tasksFiles: [TASKS] });
    contract.validate('assignTask', values, 0);
    assert.deepEqual(body, { task_type: 'approve_batches', params: { batch_ids: [] } });
  });

  it('takes headers by any case of their names, and lists what is wrong with them', async () => {
    await withContract(
      (text) =>
        text.replace(
          'in: header\n          required: false',
          'in: header\n          required: true',
        ),
      async (file) => {
        const strict = await startTestService({}, { contract: file });
        const assign = () => strict.post('/assign-task/').type('json');
        try {
          await assign().set('IDEMPOTENCY-KEY', 'a, b').send('{"task_type":"a"}').expect(200);
          const missing = await assign().send('{"task_type":7}').expect(400);
          assert.deepEqual((missing.body as ErrorBody).details.errors, [
            { in: 'header', pointer: '/Idempotency-Key', message: 'is required' },
            { in: 'body', pointer: '/task_type', message: 'must be string' },
          ]);
        } finally {
          await strict.close();
        }
      },
    );
  });

  for (const [what, key, message] of [
    ['empty', '', 'is empty'],
    ['too long', 'x'.repeat(256), 'must NOT have more than 255 characters'],
    [
      'no ASCII',
      'é',
      'must be visible ASCII characters and spaces: it must match pattern "^[ -~]*$"',
    ],
  ] as const) {
    it(`refuses an Idempotency-Key that is ${what}`, async () => {
      const answer = await service
        .post('/assign-task/')
        .set('Idempotency-Key', key)
        .send({ task_type: 'a' })
        .expect(400);
      assert.deepEqual((answer.body as ErrorBody).details.errors, [
        { in: 'header', pointer: '/Idempotency-Key', message },
      ]);
    });
  }

  it('tells every fault of a body, and of a large one the first, in little time', async () => {
    const answerTo = async (items: number) => {
      const params = { batch_ids: Array(items).fill(null), auto_approve: 1 };
      const body = JSON.stringify({ task_type: 'approve_batches', params });
      const answer = await service.post('/assign-task/').type('json').send(body).expect(400);
      return (answer.body as ErrorBody).details.errors.length;
    };
    assert.equal(await answerTo(98), 99);
    assert.equal(await answerTo(9_000), 100);
    assert.equal(await answerTo(14_000), 1);
    // To list all of these costs half a second of CPU.
    await answerTo(200_000);
    const start = process.cpuUsage();
    await answerTo(200_000);
    const { user } = process.cpuUsage(start);
    assert.ok(user < 200_000, `${user / 1_000} ms of CPU`);
  });

  const broken: [what: string, edit: (text: string) => string, message: RegExp][] = [
    ['is not YAML', (text) => `${text}\n  - ]`, /not YAML/],
    ['uses an operationId twice', (text) => text.replace('getRedoc', 'getSwaggerUi'), /twice/],
    [
      'has an operation without an id',
      (text) => text.replace(/ +operationId: getRedoc\n/, ''),
      /no operationId/,
    ],
    [
      'refers to a schema that is not there',
      (text) => text.replace("schemas/OtherTaskParams'", "schemas/Nothing'"),
      /Nothing/,
    ],
    [
      'has a keyword that no schema knows',
      (text) => text.replace('minimum: 0\n', 'minimun: 0\n'),
      /minimun/,
    ],
    [
      'secures an operation by a scheme that nothing looks at',
      (text) =>
        text.replace('      operationId: getHealth\n', '$&      security: [{ ApiKeys: [] }]\n'),
      /secures getHealth by ApiKeys/,
    ],
    [
      'asks for a key and does not say what it has to be good for',
      (text) => text.replace('      x-scope: assign\n', ''),
      /gives assignTask no x-scope that is one of assign, read, control/,
    ],
    [
      'asks for a scope that no key can have',
      (text) => text.replace('x-scope: assign', 'x-scope: asign'),
      /gives assignTask no x-scope/,
    ],
    [
      'takes the params of a described task type unchecked, too',
      (text) => withRequest(text).replace('not: { enum: [a] }', 'not: { enum: [] }'),
      /request for a, and another that takes it too/,
    ],
    [
      'has no request for a task type',
      (text) => withRequest(text).replace('not: { enum: [a] }', 'not: { enum: [a, b] }'),
      /no request that takes b$/,
    ],
    [
      'has no request for all other task types',
      (text) => text.replace("        - $ref: '#/components/schemas/OtherTaskRequest'\n", ''),
      /one that takes the others/,
    ],
    ['has a parameter in a cookie', (text) => text.replace('in: path', 'in: cookie'), /task_id/],
    [
      // ajv looks at the items until one fits: what it has not looked at would be shown.
      'marks x-sensitive what stands below contains',
      (text) =>
        text.replace(
          /(\n {4}OtherTaskParams:\n[^]*?\n {6}type: object)\n/,
          '$1\n      properties:\n        list: { type: array, contains: { type: object, properties: { secret: { x-sensitive: true } } } }\n',
        ),
      /contains/,
    ],
  ];
  for (const [what, edit, message] of broken) {
    it(`refuses to start when it ${what}`, async () => {
      await withContract(edit, (file) => assert.rejects(loadContract(file, ''), message));
    });
  }

  it('guards by its own security the operations that have none', async () => {
    const key = 'our-secret-0123456789';
    await withContract(
      (text) =>
        text
          .replaceAll(/ +security: \[\{ ApiKey: \[\] \}, \{\}\]\n/g, '')
          .replaceAll(/( +)operationId: \w+\n(?! +x-scope)/g, '$&$1x-scope: read\n')
          .replace('\nsecurity: []\n', '\nsecurity: [{ ApiKey: [] }]\n')
          .replace(/( +)operationId: getResult\n/, '$&$1security: []\n'),
      async (file) => {
        const secured = await startTestService({ API_KEYS: `ours=${key}` }, { contract: file });
        const assign = () => secured.post('/assign-task/').send({ task_type: 'a' });
        try {
          await assign().expect(401);
          await assign().set('X-API-Key', key).expect(200);
          await secured.get('/result/a').expect(200);
        } finally {
          await secured.close();
        }
      },
    );
  });

  it('refuses to start when it has an operation without a function, or a function too many', async () => {
    await withContract(
      (text) => text.replace('operationId: getRedoc', 'operationId: getReadyDoc'),
      async (file) => {
        await assert.rejects(
          appOf(await loadContract(file, '')),
          /without a function \[getReadyDoc\], not in the contract \[getRedoc\]/,
        );
      },
    );
  });
});

interface ErrorBody {
  details: { errors: { in: string; pointer: string; message: string }[] };
}

/** Every example of a request or of an answer, with the pointer of the media type that it stands in. */
function examplesOf(node: unknown, pointer = '#'): { pointer: string; value: unknown }[] {
  if (typeof node !== 'object' || node === null || pointer.startsWith('#/components/schemas')) {
    return [];
  }
  const { schema, example, examples } = node as Record<string, unknown>;
  if (schema !== undefined) {
    const named = Object.values((examples ?? {}) as Record<string, { value: unknown }>);
    const values = [
      ...(example === undefined ? [] : [example]),
      ...named.map(({ value }) => value),
    ];
    return values.map((value) => ({ pointer, value }));
  }
  return Object.entries(node).flatMap(([key, inner]) =>
    examplesOf(inner, `${pointer}/${pointerToken(key)}`),
  );
}

/** The contract with a request of its own for the task type `a`. */
function withRequest(text: string): string {
  return text
    .replace("        - $ref: '#/components/schemas/OtherTaskRequest'\n", `$&${ALTERNATIVE}`)
    .replace('\n    OtherTaskRequest:\n', `\n${REQUEST}$&`)
    .replace(
      "task_type: { $ref: '#/components/schemas/TaskType' }",
      'task_type: { not: { enum: [a] } }',
    );
}

const ALTERNATIVE = "        - $ref: '#/components/schemas/ARequest'\n";
const REQUEST = `
    ARequest:
      type: object
      required: [task_type]
      properties: { task_type: { const: a }, params: { type: object } }
`;

async function withContract(
  edit: (text: string) => string,
  use: (file: URL) => void | Promise<void>,
): Promise<void> {
  const text = readFileSync(FILE, 'utf8');
  const edited = edit(text);
  assert.notEqual(edited, text, 'the edit does not fit the contract any more');
  const folder = await mkdtemp(join(tmpdir(), 'contract-'));
  try {
    await writeFile(join(folder, 'openapi.yaml'), edited);
    await use(pathToFileURL(join(folder, 'openapi.yaml')));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** An app whose operations are never called. */
async function appOf(contract: Contract): Promise<unknown> {
  const ids = (await loadContract(FILE, '')).operationIds;
  return createApp({
    config: readConfig({}, 'none').http,
    contract,
    countRequest: undefined,
    waiters: createWaiters(1),
    tracing: handOnTraces,
    watch: { began: () => undefined, ended: () => undefined },
    operations: Object.fromEntries(
      ids.map((id) => [id, () => assert.fail()]),
    ) as unknown as Operations,
    log: {} as Log,
  });
}
