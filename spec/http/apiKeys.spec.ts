import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, readConfig } from '../../src/config/config.js';
import { assignmentHead, openConnection } from '../support/connection.js';
import { eventually } from '../support/eventually.js';
import { launchService } from '../support/serviceProcess.js';
import { pageFile } from '../support/pageFiles.js';
import { startTestService, type TestService } from '../support/service.js';

const KEY = 'frontend-secret=1';
const OTHER_KEY = 'ci-secret-23456789';

describe('With API_KEYS', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService({ API_KEYS: `frontend=${KEY}, ci=${OTHER_KEY}` });
  });
  after(() => service.close());

  for (const [what, key] of [
    ['no key', undefined],
    ['an empty one', ''],
    ['another', 'frontend-secret=2'],
    ['one in capitals', KEY.toUpperCase()],
    ['the beginning of one', KEY.slice(0, -1)],
    ['two of them', `${KEY}, ${OTHER_KEY}`],
    ['a name', 'frontend'],
  ] as const) {
    it(`answers 401 for ${what}`, async () => {
      for (const test of [service.post('/assign-task/').send({}), service.get('/result/a')]) {
        const answer = await (key === undefined ? test : test.set('X-API-Key', key)).expect(401);
        assert.equal(answer.headers['www-authenticate'], 'ApiKey');
        const { message, detail } = answer.body as Record<string, string>;
        assert.equal(message, 'Invalid or missing API key: it belongs in the header x-api-key');
        // As the service being replaced had it.
        assert.equal(detail, 'Invalid or missing API key');
      }
    });
  }

  it('takes each key, and logs its name and never the key', async () => {
    service.lines.length = 0;
    await service.get('/result/a').set('x-api-key', KEY).expect(200);
    await service.get('/result/a').set('X-Api-Key', OTHER_KEY).expect(200);
    await service.get('/result/a').expect(401);
    const lines = await eventually('three lines', () =>
      service.lines.length >= 3 ? service.lines : undefined,
    );
    assert.deepEqual(
      lines.map(({ fields }) => fields.client_name),
      ['frontend', 'ci', undefined],
    );
    assert.doesNotMatch(JSON.stringify(lines), /secret/);
  });

  it('leaves health, documentation and the name of the service open', async () => {
    const open = [
      '/',
      '/health',
      '/health/live',
      '/health/ready',
      '/docs',
      pageFile('docs', /\.css$/),
    ];
    for (const path of [
      ...open,
      '/console',
      pageFile('console', /^main\..*\.js$/),
      '/redoc',
      '/openapi.json',
      '/openapi.yaml',
    ]) {
      await service.get(path).expect(200);
    }
    await service.request('delete', '/assign-task/').expect(405);
    await service.get('/nothing').expect(404);
  });

  it('says in the contract that it does not go without one', async () => {
    const secured = await securityOf(service);
    const inQuery = [{ ApiKey: [] }, { ApiKeyInQuery: [] }];
    const names = [
      ...['assignTask', 'assignTasks', 'getResult', 'getResults'],
      ...['listTasks', 'revokeTask', 'explainTask', 'listQueues', 'listWorkers', 'examineFleet'],
      ...['growPool', 'shrinkPool', 'setAutoscale', 'addConsumer', 'cancelConsumer'],
      ...['setRateLimit', 'setTimeLimit', 'enableEvents', 'shutDownWorker'],
    ];
    const only = Object.fromEntries(names.map((name) => [name, [{ ApiKey: [] }]]));
    assert.deepEqual(secured, {
      ...only,
      streamResult: inQuery,
      watchTask: inQuery,
      getMetrics: [{ ApiKey: [] }, { BearerKey: [] }],
    });
    const without = await startTestService();
    try {
      const optional = Object.fromEntries(names.map((name) => [name, [{ ApiKey: [] }, {}]]));
      const inQueryOptional = [...inQuery, {}];
      assert.deepEqual(await securityOf(without), {
        ...optional,
        streamResult: inQueryOptional,
        watchTask: inQueryOptional,
        getMetrics: [{ ApiKey: [] }, { BearerKey: [] }, {}],
      });
    } finally {
      await without.close();
    }
  });

  it('answers before it reads the body, and closes the connection then', async () => {
    const { socket, received, closed } = await openConnection(service.url);
    socket.write(assignmentHead('Content-Length: 1000', 'Expect: 100-continue'));
    await eventually('the answer', () => (received().endsWith('}') ? true : undefined));
    assert.match(received(), /^HTTP\/1.1 401 [^]*\r\nConnection: close\r\n/);
    await closed;
    assert.doesNotMatch(received(), / 100 Continue/);
  });

  it('keeps the connection where a small body came with its head', async () => {
    const { socket, received } = await openConnection(service.url);
    socket.write(`${assignmentHead('Content-Length: 2')}{}`);
    await eventually('the answer', () => (received().endsWith('}') ? true : undefined));
    assert.match(received(), /^HTTP\/1.1 401 [^]*\r\nConnection: keep-alive\r\n/);
    socket.write(`${assignmentHead('Content-Length: 2', `X-API-Key: ${KEY}`)}{}`);
    await eventually('the next answer', () => / 400 Bad Request/.exec(received()) ?? undefined);
    socket.destroy();
  });
});

describe('With scopes of API_KEYS', () => {
  const KEYS = {
    assigns: 'assigning-secret-01',
    reads: 'reading:secret:0002',
    controls: 'controlling-secret-03',
    may_all: 'unlimited-secret-0004',
  };
  let service: TestService;
  before(async () => {
    service = await startTestService({
      API_KEYS: `assigns=${KEYS.assigns}:assign,reads=${KEYS.reads}:read,may_all=${KEYS.may_all},controls=${KEYS.controls}:control`,
    });
  });
  after(() => service.close());

  const refusal = (name: string, needed: string, granted: string) => ({
    code: 'insufficient_scope',
    message:
      `The API key ${name} is not good for this, which needs the scope ${needed}: the operator grants it by ` +
      `${name}=KEY:${granted} in API_KEYS or its file, and a restart`,
  });
  const told = ({ body }: { body: unknown }) => {
    const { code, message } = body as Record<string, string>;
    return { code, message };
  };

  it('takes each key for what it is good for, and answers 403 for all else', async () => {
    const assign = (key: string) =>
      service.post('/assign-task/').set('x-api-key', key).send({ task_type: 'test_task' });
    const revoke = (key: string) => service.post('/tasks/none/revoke').set('x-api-key', key);
    for (const key of [KEYS.assigns, KEYS.may_all]) {
      await assign(key).expect(200);
      await revoke(key).expect(200);
    }
    for (const act of [assign, revoke]) {
      assert.deepEqual(
        told(await act(KEYS.reads).expect(403)),
        refusal('reads', 'assign', 'read+assign'),
      );
    }
    for (const path of [
      ...[
        '/result/a',
        '/results?ids=a',
        '/tasks/a/explain',
        '/tasks/',
        '/queues/',
        '/workers/',
        '/metrics',
      ],
    ]) {
      const read = (key: string) => service.get(path).set('x-api-key', key);
      await read(KEYS.reads).expect(200);
      await read(KEYS.may_all).expect(200);
      assert.deepEqual(
        told(await read(KEYS.assigns).expect(403)),
        refusal('assigns', 'read', 'assign+read'),
      );
      await read(KEYS.controls).expect(403);
      await read(`${KEYS.reads}:read`).expect(401);
    }
    await service.get('/metrics').set('Authorization', `Bearer ${KEYS.assigns}`).expect(403);
  });

  it('holds them against streams and WebSockets, and against keys in the query', async () => {
    for (const path of ['/result/a/events', '/ws/task/a']) {
      for (const answer of [
        await service.get(path).set('x-api-key', KEYS.assigns).expect(403),
        await service.get(`${path}?api_key=${KEYS.assigns}`).expect(403),
      ]) {
        assert.deepEqual(told(answer), refusal('assigns', 'read', 'assign+read'));
      }
    }
    const { socket, received } = await openConnection(service.url);
    socket.write(
      `GET /ws/task/a?api_key=${KEYS.assigns} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n` +
        'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await eventually('the answer', () => (received().endsWith('}') ? true : undefined));
    assert.match(received(), /^HTTP\/1.1 403 [^]*"insufficient_scope"/);
    socket.destroy();
  });

  it('logs the name of the key, and counts the refusal as others', async () => {
    service.lines.length = 0;
    await service.get('/queues/').set('x-api-key', KEYS.assigns).expect(403);
    const line = await eventually('a line', () => service.lines[0]);
    assert.deepEqual(
      [line.level, line.fields.status, line.fields.client_name],
      ['info', 403, 'assigns'],
    );
    const { text } = await service.get('/metrics').set('x-api-key', KEYS.reads).expect(200);
    assert.match(
      text,
      /orchestrator_http_requests_total\{route="\/queues\/",method="GET",status="403"\} [1-9]/,
    );
  });
});

describe('API_KEYS', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keys-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('comes from a file too, with blank lines and comments', async () => {
    const file = join(folder, 'keys');
    await writeFile(file, `# ours\n\n  ci=${OTHER_KEY}\r\n#x=y\nb=${'y'.repeat(255)}\n`);
    const { http } = readConfig({ API_KEYS: `a=${KEY}`, API_KEYS_FILE: file }, 'none');
    assert.deepEqual(
      http.apiKeys.map(({ name }) => name),
      ['a', 'ci', 'b'],
    );
  });

  for (const [what, text, scopes] of [
    ['everything without scopes', KEY, ['assign', 'read', 'control']],
    ['one scope', `${KEY}:read`, ['read']],
    ['several, in any order', `${KEY}:control+assign`, ['assign', 'control']],
  ] as const) {
    it(`gives a key ${what}, from a variable and from a file`, async () => {
      const file = join(folder, 'scopes');
      await writeFile(file, `a=${text}\n`);
      for (const environment of [{ API_KEYS: `a=${text}` }, { API_KEYS_FILE: file }]) {
        const [key] = readConfig(environment, 'none').http.apiKeys;
        assert.deepEqual(key?.scopes, scopes);
        assert.equal(key.digest.toString('hex'), digestOf(KEY));
      }
    });
  }

  for (const part of [
    'a',
    ':',
    'read:',
    'read:x',
    'read1',
    'readers',
    'admin+all',
    '1+2',
    'read-x',
  ]) {
    it(`leaves ":${part}" to the key`, () => {
      const [key] = readConfig({ API_KEYS: `a=${KEY}:${part}` }, 'none').http.apiKeys;
      assert.deepEqual(key?.scopes, ['assign', 'read', 'control']);
      assert.equal(key.digest.toString('hex'), digestOf(`${KEY}:${part}`));
    });
  }

  for (const part of [
    ...['reed', 'READ', 'asign', 'controll', 'read+secret', 'secret+read', 'asign+raed'],
    ...['read+', '+read', 'read++assign'],
  ]) {
    it(`refuses ":${part}", without showing it`, () => {
      const message = faultOf({ API_KEYS: `x=${OTHER_KEY},a=${KEY}:${part}` });
      assert.ok(
        message.includes(
          'API_KEYS must hold scopes that are assign, read and control, joined by +, ' +
            'which the text after the last colon of entry 2 is not',
        ),
        message,
      );
    });
  }

  for (const [what, text, fault] of [
    [
      'no name',
      'secret-secret-secret',
      /API_KEYS must hold name=key, .*, which entry 1 does not$/m,
    ],
    ['a bad name', `a=${KEY},secret secret=${KEY}`, /, which entry 2 does not$/m],
    ['a short key', 'a=secret-secret-1', /keys of 16 to 255 .* which entry 1 does not$/m],
    ['a key that is short without its scopes', 'a=secret-secret:read', /keys of 16 to 255/],
    ['a key twice with other scopes', `a=${KEY}:read,b=${KEY}`, /API_KEYS has a key twice/],
    ['a long key', `a=${'secret'.repeat(50)}`, /keys of 16 to 255/],
    ['a key with a space', 'a=secret secret secret', /keys of 16 to 255/],
    [
      'a name twice',
      `a=${KEY},b=${OTHER_KEY},a=secret-3-secret-3`,
      /a name twice, .* in entry 3$/m,
    ],
    ['a key twice', `a=${KEY},b=${KEY}`, /API_KEYS has a key twice, the second time in entry 2$/m],
  ] as const) {
    it(`refuses ${what}, in a variable and in a file, without showing it`, async () => {
      assert.match(faultOf({ API_KEYS: text }), fault);
      const file = join(folder, 'bad');
      await writeFile(file, text.split(',').join('\n'));
      const told = faultOf({ API_KEYS_FILE: file });
      assert.match(told, / line [123] of \/.*bad/);
    });
  }

  it('comes from a file with a byte order mark, as editors of Windows begin it', async () => {
    const file = join(folder, 'bom');
    await writeFile(file, `\ufeffa=${KEY}\r\nb=${OTHER_KEY}\r\n`);
    const { apiKeys } = readConfig({ API_KEYS_FILE: file }, 'none').http;
    assert.deepEqual(
      apiKeys.map(({ name }) => name),
      ['a', 'b'],
    );
  });

  it('can’t come from a file in UTF-16, or in quotes', async () => {
    const file = join(folder, 'utf-16');
    for (const mark of ['\ufeff', '']) {
      await writeFile(file, `${mark}a=${KEY}`, 'utf16le');
      assert.match(faultOf({ API_KEYS_FILE: file }), /names a file that is not text in UTF-8/);
    }
    assert.match(faultOf({ API_KEYS: `a="${KEY}"` }), /without quotes around them, which entry 1/);
    assert.match(faultOf({ API_KEYS: `a="${KEY}":read` }), /without quotes around them/);
    await writeFile(file, `a='${KEY}'`);
    assert.match(faultOf({ API_KEYS_FILE: file }), /without quotes around them, which line 1 of/);
  });

  it('says whose a file is that it may not read, and who the service is', async () => {
    const closed = join(folder, 'closed');
    await mkdir(closed);
    for (const [what, file] of [
      ['file', join(folder, 'theirs')],
      ['folder', join(closed, 'keys')],
    ] as const) {
      await writeFile(file, `a=${KEY}`);
      const named = what === 'file' ? file : closed;
      await chmod(folder, 0o755);
      await chmod(named, what === 'file' ? 0o200 : 0o600);
      const { uid, gid } = await stat(named);
      const mode = what === 'file' ? '0200' : '0600';
      const owner = `the ${what} ${named} belongs to uid ${uid}, gid ${gid}, with mode ${mode}; `;
      const { told, self } = asNobody(() => ({
        told: faultOf({
          API_KEYS_FILE: file,
          REDIS_URL: `rediss://host?ssl_keyfile=${encodeURIComponent(file)}`,
        }),
        self: `the service runs as uid ${process.geteuid?.()}, gid ${process.getegid?.()}`,
      }));
      const reason = `(EACCES: ${owner}${self})`;
      assert.ok(told.includes(`API_KEYS_FILE names a file that can't be read ${reason}`), told);
      assert.ok(
        told.includes(`REDIS_URL has an ssl_keyfile that can't be read: ${file} ${reason}`),
        told,
      );
      await chmod(named, 0o700);
    }
  });

  it('refuses a key or a name that is in both, and a file that is not there', async () => {
    const file = join(folder, 'again');
    await writeFile(file, `other=${KEY}`);
    assert.match(
      faultOf({ API_KEYS: `a=${KEY}`, API_KEYS_FILE: file }),
      /API_KEYS together with API_KEYS_FILE has a key twice/,
    );
    assert.match(
      faultOf({ API_KEYS_FILE: join(folder, 'nothing') }),
      /API_KEYS_FILE names a file that can't be read \(ENOENT\)/,
    );
  });

  it('is not shown where it stands in place of the name of its file', () => {
    assert.match(faultOf({ API_KEYS_FILE: 'alice=secret-0123456789' }), /API_KEYS_FILE/);
  });

  it('stops the start without showing a key', async () => {
    const service = await launchService({ API_KEYS: 'frontend=secret' });
    assert.equal((await service.process.exited).code, 1);
    const output = service.process.output().join('\n');
    assert.match(output, /API_KEYS must hold keys of 16/);
    assert.doesNotMatch(output, /secret/);
    await service.close();
  });
});

/** Root may read everything: for root, this runs as somebody else. */
function asNobody<Value>(act: () => Value): Value {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    return act();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

function digestOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

function faultOf(environment: Record<string, string>): string {
  try {
    readConfig(environment, 'none');
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.doesNotMatch(error.message, /secret/);
    return error.message;
  }
  throw new assert.AssertionError({ message: 'The configuration was taken' });
}

/** What the served contract says of the operations' security, by their ids. */
async function securityOf(service: TestService): Promise<Record<string, unknown>> {
  const contract = await service.get('/openapi.json').expect(200);
  const { paths } = contract.body as {
    paths: Record<string, Record<string, Record<string, unknown>>>;
  };
  const operations = Object.values(paths).flatMap((item) => Object.values(item));
  return Object.fromEntries(
    operations
      .filter(({ security }) => security !== undefined)
      .map(({ operationId, security }) => [String(operationId), security] as const),
  );
}
