import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'yaml';
import { loadContract, type Contract } from '../src/contract/contract.js';
import { createApp } from '../src/http/app.js';
import type { Log } from '../src/log.js';
import type { Operations } from '../src/operations/operation.js';
import { pointerToken, validateAgainst } from './support/contractCheck.js';
import { REPOSITORY } from './support/fleet.js';
import { startTestService, type TestService } from './support/service.js';

const FILE = pathToFileURL(`${REPOSITORY}openapi.yaml`);

describe('The contract', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.close());

  it('is served as JSON and as YAML, the same', async () => {
    const json = await service.get('/openapi.json').expect('Content-Type', /^application\/json/);
    const yaml = await service.get('/openapi.yaml').expect('Content-Type', /^text\/yaml/);
    assert.deepEqual(parse(yaml.text), json.body);
    const written = parse(readFileSync(FILE, 'utf8')) as object;
    assert.deepEqual(json.body, { ...written, servers: [{ url: '/' }] });
  });

  it('has the version of the package', () => {
    const { version } = JSON.parse(readFileSync(`${REPOSITORY}package.json`, 'utf8')) as {
      version: string;
    };
    assert.equal(loadContract(FILE, '').version, version);
  });

  it('prefers a path without parameters, ignores a trailing slash, and answers HEAD as GET', () => {
    const contract = loadContract(FILE, '');
    assert.equal(contract.match('GET', '/health/live/')?.operationId, 'getLiveness');
    assert.equal(contract.match('HEAD', '/')?.operationId, 'getServiceInformation');
    assert.deepEqual(contract.match('GET', '/result/a%2Fb')?.pathParameters, { task_id: 'a/b' });
    assert.equal(contract.match('GET', '/result//'), undefined);
  });

  it('has examples that fit their own schemas', () => {
    const examples = examplesOf(parse(readFileSync(FILE, 'utf8')));
    assert.ok(examples.length >= 15);
    for (const { pointer, value } of examples) {
      validateAgainst(`${pointer}/schema`, value, pointer);
    }
  });

  it('leaves what it validates as it is', () => {
    const body = { task_type: 'approve_batches', params: { batch_ids: [] } };
    loadContract(FILE, '').validate('assignTask', { pathParameters: {}, body });
    assert.deepEqual(body, { task_type: 'approve_batches', params: { batch_ids: [] } });
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
      (text) => text.replace("schemas/TestTaskParams'", "schemas/Nothing'"),
      /Nothing/,
    ],
    [
      'has a keyword that no schema knows',
      (text) => text.replace('minimum: 0\n', 'minimun: 0\n'),
      /minimun/,
    ],
    [
      'has a parameter that is not in the path',
      (text) => text.replace('in: path', 'in: query'),
      /task_id/,
    ],
  ];
  for (const [what, edit, message] of broken) {
    it(`refuses to start when it ${what}`, async () => {
      await withContract(edit, (file) => {
        assert.throws(() => loadContract(file, ''), message);
      });
    });
  }

  it('refuses to start when it has an operation without a function, or a function too many', async () => {
    await withContract(
      (text) => text.replace('operationId: getRedoc', 'operationId: getReadyDoc'),
      (file) => {
        assert.throws(
          () => appOf(loadContract(file, '')),
          /without a function \[getReadyDoc\], not in the contract \[getRedoc\]/,
        );
      },
    );
  });
});

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

async function withContract(
  edit: (text: string) => string,
  use: (file: URL) => void,
): Promise<void> {
  const text = readFileSync(FILE, 'utf8');
  const edited = edit(text);
  assert.notEqual(edited, text, 'the edit does not fit the contract any more');
  const folder = await mkdtemp(join(tmpdir(), 'contract-'));
  try {
    await writeFile(join(folder, 'openapi.yaml'), edited);
    use(pathToFileURL(join(folder, 'openapi.yaml')));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** An app whose operations are never called. */
function appOf(contract: Contract): unknown {
  const ids = loadContract(FILE, '').operationIds;
  return createApp({
    config: { rootPath: '', trustProxy: false, corsOrigins: '*', bodyLimitBytes: 1 },
    contract,
    operations: Object.fromEntries(
      ids.map((id) => [id, () => assert.fail()]),
    ) as unknown as Operations,
    log: {} as Log,
  });
}
