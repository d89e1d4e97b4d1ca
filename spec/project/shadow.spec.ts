import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { Agent, createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { Redis } from 'ioredis';
import { PEER_FOLDER } from '../../bench/contenders.js';
import { findFreePort } from '../../stack/ports.js';
import { preparePython, type PythonEnvironment } from '../../stack/python.js';
import { startRedis, type RedisServer } from '../../stack/redis.js';
import { readOptions } from '../../shadow/options.js';
import type { Outcome } from '../../shadow/replay.js';
import { readRules } from '../../shadow/rules.js';
import { INTENDED, shadow } from '../../shadow/shadow.js';
import { pageAt, readPages } from '../support/documents/markdown.js';
import { REPOSITORY, theFleet } from '../support/fleet.js';
import { startOldService, type OldService } from '../support/oldService.js';
import { startTestService, type TestService } from '../support/service.js';

const KEY = 'our-secret-0123456789';
const CASES = `${REPOSITORY}shadow/cases.jsonl`;

/** What became of the cases, and what was printed. */
interface Run {
  exitCode: number;
  outcomes: readonly Outcome[];
  printed: string;
}

describe('npm run shadow', function () {
  this.timeout(30_000);
  let python: PythonEnvironment;
  let server: RedisServer;
  let folder: string;
  let old: OldService;
  let node: TestService;
  let redis: { python: Redis; node: Redis };
  before(async function () {
    // The first time, the packages of the old service are installed.
    this.timeout(300_000);
    python = await preparePython({
      folder: PEER_FOLDER,
      environment: process.env,
      say: (line) => {
        process.stdout.write(`    The old service: ${line}\n`);
      },
    });
    server = await startRedis({ environment: process.env, python: theFleet().python.python });
    folder = await mkdtemp(join(tmpdir(), 'shadow-'));
    redis = { python: new Redis(database(1)), node: new Redis(database(2)) };
    old = await startOldService(python, { REDIS_URL: database(1), API_KEY: KEY });
    node = await startNode({});
  });
  beforeEach(() => redis.node.flushall());
  after(async () => {
    await node.close();
    await old.close();
    redis.python.disconnect();
    redis.node.disconnect();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  const database = (number: number) => server.url.replace(/0$/, String(number));

  const startNode = (more: Readonly<Record<string, string>>): Promise<TestService> =>
    startTestService({ REDIS_URL: database(2), API_KEYS: `ours=${KEY}`, ...more });

  const both = () => ['--python-redis', database(1), '--node-redis', database(2)];

  /** Runs it in this process. */
  const run = async (options: readonly string[], services: { node?: TestService } = {}) => {
    const args = [
      ...['--python', old.url, '--node', (services.node ?? node).url],
      ...['--header', `x-api-key: ${KEY}`, ...options],
    ];
    const lines: string[] = [];
    const result = await shadow(readOptions(args, {}), (text) => lines.push(text));
    return { ...result, printed: lines.join('\n') } satisfies Run;
  };

  /** Writes a file of cases and gives the options that name it. */
  const casesOf = async (...cases: readonly object[]): Promise<string[]> => {
    const file = join(folder, 'cases.jsonl');
    await writeFile(file, cases.map((one) => `${JSON.stringify(one)}\n`).join(''));
    return ['--cases', file];
  };

  const unintended = ({ outcomes }: Run): string[] =>
    outcomes.flatMap((outcome) =>
      'skipped' in outcome
        ? []
        : outcome.differences
            .filter(({ rule }) => rule === undefined)
            .map(({ difference: { place, python: theirs, node: ours } }) =>
              [place, theirs, ours].join(' | '),
            ),
    );

  const depths = (of: Redis) => Promise.all([of.llen('worker_queue'), of.llen('automation_queue')]);

  describe('with the cases that come with it', () => {
    it('finds nothing but what is meant, each entry of that list, and skips nothing', async () => {
      const result = await run(['--cases', CASES, ...both()]);
      assert.deepEqual(unintended(result), []);
      assert.equal(result.exitCode, 0);
      assert.ok(result.outcomes.every((outcome) => 'differences' in outcome));
      const used = new Set(
        result.outcomes.flatMap((outcome) =>
          'skipped' in outcome ? [] : outcome.differences.map(({ rule }) => rule?.name),
        ),
      );
      const unused = readRules(INTENDED).filter(({ name }) => !used.has(name));
      assert.deepEqual(unused, []);
      assert.match(result.printed, /0 differ otherwise, 0 skipped\n/);
    });

    it('works with one Redis for both services', async () => {
      const shared = await startNode({ REDIS_URL: database(1) });
      const redises = ['--python-redis', database(1), '--node-redis', database(1)];
      const result = await run(['--cases', CASES, ...redises], { node: shared });
      await shared.close();
      assert.deepEqual(unintended(result), []);
    });

    it('takes its own messages out of the queues, and no others, where that is wanted', async () => {
      await redis.python.lpush('worker_queue', 'theirs');
      await redis.node.lpush('worker_queue', 'ours', 'ours');
      await run(['--cases', CASES, ...both()]);
      const [theirs, ours] = [
        await redis.python.llen('worker_queue'),
        await redis.node.llen('worker_queue'),
      ];
      assert.ok(theirs > 5 && ours > 5);
      await run(['--cases', CASES, ...both(), '--remove']);
      assert.deepEqual(await depths(redis.python), [theirs, 0]);
      assert.deepEqual(await depths(redis.node), [ours, 0]);
      assert.deepEqual(await redis.python.lrange('worker_queue', -1, -1), ['theirs']);
    });

    it('asks this service for dry runs where its Redis is not named, and sends it nothing', async () => {
      const result = await run(['--cases', CASES, '--python-redis', database(1)]);
      assert.deepEqual(unintended(result), []);
      assert.deepEqual(await depths(redis.node), [0, 0]);
      const compared = result.outcomes.filter(
        (outcome) => 'differences' in outcome && outcome.case.method === 'POST',
      );
      assert.ok(compared.length > 15);
      assert.match(result.printed, /skipped {4}GET \/result\/\{stored\}.*\n.*--node-redis/);
    });

    it('sends nothing but GET, HEAD and OPTIONS where no Redis is named', async () => {
      const result = await run(['--cases', CASES]);
      assert.deepEqual(unintended(result), []);
      assert.deepEqual(await depths(redis.python), [0, 0]);
      assert.deepEqual(await depths(redis.node), [0, 0]);
      for (const outcome of result.outcomes) {
        const isSkipped = 'skipped' in outcome;
        assert.ok(isSkipped || ['GET', 'HEAD', 'OPTIONS'].includes(outcome.case.method));
      }
    });
  });

  describe('where something differs', () => {
    const assign = { path: '/assign-task/', body: { task_type: 'test_task', params: { a: 1 } } };

    const planted: [what: string, environment: Record<string, string>, found: string[]][] = [
      [
        'the name of the task',
        { TASK_PREFIX: 'jobs' },
        ['message/headers/task | "worker.test_task" | "jobs.test_task"'],
      ],
      [
        'the queue',
        { TASK_ROUTES: 'worker.*=automation_queue' },
        [
          'message/properties/delivery_info/routing_key | "worker_queue" | "automation_queue"',
          'message/key | "worker_queue" | "automation_queue"',
        ],
      ],
      [
        'the compression',
        { TASK_COMPRESSION: 'gzip', TASK_COMPRESSION_THRESHOLD_BYTES: '1' },
        ['message/headers/compression | absent | "application/x-gzip"'],
      ],
      [
        'what is refused',
        { BODY_LIMIT_BYTES: '10' },
        [
          'status | 200 | 413',
          'body/task_id | "<task TASK>" | absent',
          'body/message | "Task \'test_task\' successfully assigned" | "The body is larger than 10 bytes"',
          'body/timestamp | "MOMENT" | absent',
          'body/details | absent | {"limit":10}',
          'messages | 1 | 0',
        ],
      ],
    ];
    for (const [what, environment, found] of planted) {
      it(`finds it in ${what}`, async () => {
        const other = await startNode(environment);
        const result = await run([...(await casesOf(assign)), ...both()], { node: other });
        await other.close();
        const plain = unintended(result).map((text) =>
          text
            .replace(/<task [^>]*>/, '<task TASK>')
            .replace(/"\d{4}-\d\d-\d\dT[^"]*"/, '"MOMENT"'),
        );
        const others = plain.filter((text) => !found.includes(text));
        assert.deepEqual(
          found.filter((text) => !plain.includes(text)),
          [],
          plain.join('\n'),
        );
        // The status of the body differs as well where one is an error.
        assert.ok(
          others.every((text) => text.startsWith('body/')),
          others.join('\n'),
        );
        assert.equal(result.exitCode, 1);
        assert.match(result.printed, /^DIFFERENT {2}POST \/assign-task\/: .*cases\.jsonl:1$/m);
      });
    }

    it('finds it in a result: in its type, in its digits, and in its moments', async () => {
      const store = (of: Redis, result: string) =>
        of.set(
          'celery-task-meta-planted',
          `{"status": "SUCCESS", "result": ${result}, "traceback": null, "children": [], "date_done": null}`,
        );
      await store(
        redis.python,
        '{"a": 1.0, "b": 9007199254740993, "at": "2026-01-31T09:30:00+00:00", "c": [1]}',
      );
      await store(
        redis.node,
        '{"a": 1, "b": 9007199254740992, "at": "2026-01-31T10:30:00+00:00", "c": [1, 2]}',
      );
      const result = await run(await casesOf({ path: '/result/planted' }));
      assert.deepEqual(unintended(result), [
        'body/result/a | 1.0 | 1',
        'body/result/b | 9007199254740993 | 9007199254740992',
        'body/result/at | "2026-01-31T09:30:00+00:00" | "2026-01-31T10:30:00+00:00"',
        'body/result/c/1 | absent | 2',
      ]);
    });

    it('takes ids and moments for what they are, wherever they stand', async () => {
      const result = await run([
        ...(await casesOf(
          { ...assign, keep: 'one' },
          { ...assign, keep: 'two' },
          { path: '/result/{one}' },
        )),
        ...both(),
        '--all',
      ]);
      assert.deepEqual(unintended(result), []);
      assert.match(result.printed, /body\/state {3}\(meant: state\)\n *python {2}absent\n/);
    });

    it('lets a file say what else is meant', async () => {
      const failure = {
        exc_type: 'BatchRejectedError',
        exc_message: ['B-1001'],
        exc_module: 'reference',
      };
      const cases = await casesOf({
        path: '/result/{stored}',
        stored: {
          status: 'FAILURE',
          result: failure,
          traceback: null,
          children: [],
          date_done: null,
        },
      });
      const strict = await run([...cases, ...both()]);
      const found = 'body/error | "Batch B-1001 was rejected" | "B-1001"';
      assert.deepEqual(unintended(strict), [found]);
      const allowed = join(folder, 'allowed.json');
      const rule = {
        name: 'own-exceptions',
        why: 'This class is gone.',
        places: ['body/error'],
        python: '^"Batch .* was rejected"$',
      };
      await writeFile(allowed, JSON.stringify([rule]));
      const lenient = await run([...cases, ...both(), '--allow', allowed]);
      assert.equal(lenient.exitCode, 0);
      assert.match(lenient.printed, /\n {2}own-exceptions: 1\n/);
    });
  });

  describe('where others send tasks meanwhile', () => {
    const assign = {
      path: '/assign-task/',
      body: { task_type: 'test_task', params: { of: 'shadow' } },
    };

    /** Stands before this service. While a request of the tool is under way, another client assigns a task. */
    const startGate = async (answer: 'passes' | 'breaks off' | 'is no JSON') => {
      const gate = createServer((incoming, response) => {
        const pass = async (): Promise<void> => {
          const body = await textOf(incoming);
          const headers = { ...JSON_TYPE, 'x-api-key': KEY };
          const { method = '', url = '' } = incoming;
          const of = (text: string) =>
            fetch(`${node.url}${url}`, { method, headers, ...(text !== '' && { body: text }) });
          const passed = await of(body);
          const text = await passed.text();
          if (method === 'POST') {
            await of(body.replaceAll('shadow', 'a stranger'));
            if (answer === 'breaks off') {
              incoming.socket.destroy();
              return;
            }
          }
          const type = passed.headers.get('content-type') ?? '';
          response.writeHead(passed.status, { 'content-type': type });
          response.end(method === 'POST' && answer === 'is no JSON' ? 'assigned' : text);
        };
        void pass();
      }).listen(0, '127.0.0.1');
      await once(gate, 'listening');
      const { port } = gate.address() as AddressInfo;
      return { url: `http://127.0.0.1:${port}`, close: () => gate.close() };
    };

    /** The params of the messages that are left. */
    const leftParams = async (): Promise<string[]> => {
      const messages = await redis.node.lrange('worker_queue', 0, -1);
      return messages.map((text) => {
        const { body } = JSON.parse(text) as { body: string };
        return /"of": ?"([^"]*)"/.exec(Buffer.from(body, 'base64').toString())?.[1] ?? text;
      });
    };

    const through = async (answer: Parameters<typeof startGate>[0], one: object): Promise<Run> => {
      const gate = await startGate(answer);
      try {
        const args = ['--python', old.url, '--node', gate.url, '--header', `x-api-key: ${KEY}`];
        const lines: string[] = [];
        const options = readOptions([...args, ...(await casesOf(one)), ...both(), '--remove'], {});
        return {
          ...(await shadow(options, (text) => lines.push(text))),
          printed: lines.join('\n'),
        };
      } finally {
        gate.close();
      }
    };

    it('takes out its own message, and names the one that it leaves', async () => {
      const { printed } = await through('passes', assign);
      assert.deepEqual(await leftParams(), ['a stranger']);
      assert.match(printed, / left there, .*: worker_queue \(task [0-9a-f-]{36}\)$/m);
    });

    it('takes its own out where it can make nothing of the answer but its ids', async () => {
      const list = { path: '/assign-tasks/', body: [assign.body, assign.body], keep: 'it' };
      await assert.rejects(
        through('passes', list),
        /cases\.jsonl:1: --node answers no task_id, which is to be kept/,
      );
      assert.deepEqual(await leftParams(), ['a stranger', 'a stranger']);
    });

    for (const [answer, message] of [
      ['breaks off', /--node \(.*\) did not answer POST .*\nThese messages have come meanwhile/],
      ['is no JSON', /:1: --node answers POST \/assign-task\/ with 200 and no JSON: is it/],
    ] as const) {
      it(`takes nothing out where the answer ${answer}, and names all that came`, async () => {
        await assert.rejects(through(answer, assign), (error: Error) => {
          assert.equal(error.name, 'QuickstartError');
          assert.match(error.message, message);
          assert.equal(error.message.match(/worker_queue \(task [0-9a-f-]{36}\)/g)?.length, 2);
          return true;
        });
        assert.deepEqual((await leftParams()).sort(), ['a stranger', 'shadow']);
      });
    }
  });

  it('knows the prefixes that a service may have before its keys', async () => {
    const prefixed = await startNode({
      CELERY_BROKER_GLOBAL_KEYPREFIX: 'ours:',
      CELERY_RESULT_GLOBAL_KEYPREFIX: 'ours:',
    });
    const args = [...both(), '--node-prefix', 'ours:', '--cases', CASES];
    try {
      const result = await run([...args, '--remove'], { node: prefixed });
      assert.deepEqual(unintended(result), []);
      assert.equal(await redis.node.llen('ours:worker_queue'), 0);
      const dry = ['--cases', CASES, '--python-redis', database(1), '--node-prefix', 'ours:'];
      assert.deepEqual(unintended(await run([...dry, '--remove'], { node: prefixed })), []);
    } finally {
      await prefixed.close();
    }
  });

  it('takes the id that a client has chosen for the word it is', async () => {
    const options = { task_id: '1' };
    const one = { path: '/assign-task/', body: { task_type: 'a', options } };
    const result = await run([...(await casesOf(one, { path: '/result/1' })), ...both()]);
    assert.match(unintended(result).join('\n'), /body\/task_id \| "<task of line 1>" \| "1"/);
  });

  it('replays what the recorder has recorded', async () => {
    const file = join(folder, 'recorded.jsonl');
    const recorded = await startOldService(python, {
      REDIS_URL: database(3),
      API_KEY: KEY,
      RECORD_FILE: file,
    });
    const headers = { ...JSON_TYPE, 'x-api-key': KEY, origin: 'https://frontend.example' };
    const body = '{"task_type": "test_task", "params": {"text": "Grüße", "x": 1.0}}';
    await fetch(`${recorded.url}/assign-task/`, { method: 'POST', headers, body });
    await fetch(`${recorded.url}/result/a%20b?x=%7B1`, { headers: { 'x-api-key': KEY } });
    // What asks for the server rather than for a path can't be replayed.
    const { port } = new URL(recorded.url);
    const asking = request({ host: '127.0.0.1', port, method: 'OPTIONS', path: '*' }).end();
    const [asked] = (await once(asking, 'response')) as [IncomingMessage];
    await textOf(asked);
    await recorded.close();
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    assert.deepEqual(JSON.parse(lines.find((line) => line.includes('assign')) ?? ''), {
      method: 'POST',
      path: '/assign-task/',
      headers: { 'content-type': 'application/json', origin: 'https://frontend.example' },
      body,
    });
    assert.ok(lines.some((line) => line.includes('"/result/a%20b?x=%7B1"')));
    assert.ok(!lines.join('').includes(KEY));
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const result = await run(['--cases', file, ...both()]);
    assert.deepEqual(unintended(result), []);
    assert.equal(result.exitCode, 0);
  });

  it('answers all the same where the recorder can write no file', async () => {
    const recorded = await startOldService(python, {
      REDIS_URL: database(3),
      API_KEY: KEY,
      RECORD_FILE: join(folder, 'nowhere', 'recorded.jsonl'),
    });
    // A server closes the connection where something is wrong behind the answer.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const isReused: boolean[] = [];
    for (let count = 0; count < 3; count += 1) {
      const asking = request(`${recorded.url}/`, { agent }).end();
      const [answer] = (await once(asking, 'response')) as [IncomingMessage];
      await textOf(answer);
      assert.equal(answer.statusCode, 200);
      isReused.push(asking.reusedSocket);
    }
    agent.destroy();
    await recorded.close();
    assert.deepEqual(isReused, [false, true, true]);
  });

  it('takes the requests that docs/moving-over.md shows', async () => {
    const { blocks } = pageAt(readPages(), 'docs/moving-over.md');
    const lines = blocks.find(({ language }) => language === 'jsonl')?.text;
    const file = join(folder, 'documented.jsonl');
    await writeFile(file, lines ?? '');
    const result = await run(['--cases', file, ...both()]);
    assert.equal(result.outcomes.length, 3);
    assert.equal(result.exitCode, 0);
  });

  describe('refuses, with a sentence that says what to do,', () => {
    /** Runs it as a process of its own. */
    const explain = async (...args: readonly string[]) => {
      const child = spawn(process.execPath, [`${REPOSITORY}dist/shadow/main.js`, ...args]);
      const [said, errors] = [textOf(child.stdout), textOf(child.stderr)];
      const [code] = (await once(child, 'close')) as [number | null];
      return { code, said: await said, errors: await errors };
    };

    const services = () => ['--python', old.url, '--node', node.url];
    const withKey = () => ['--header', `x-api-key: ${KEY}`];

    const check = async (message: RegExp, ...args: readonly string[]): Promise<void> => {
      const { code, said, errors } = await explain(...args);
      assert.match(errors, message);
      assert.doesNotMatch(errors, /\n {4}at /);
      assert.equal(said, '');
      assert.equal(code, 2);
    };

    it('missing and wrong options', async () => {
      await check(/Missing: --python, --node, --cases\n\nUsage: /);
      await check(/--node must be a URL/, '--python', old.url, '--node', 'here', '--cases', CASES);
      await check(/Unknown option '--nodes'/, '--nodes');
      await check(
        /--node-redis needs --python-redis/,
        ...services(),
        '--cases',
        CASES,
        '--node-redis',
        database(2),
      );
      await check(/--header must look like/, ...services(), '--cases', CASES, '--header', 'x');
      const wrong = ['--python-redis', 'http://user:secret@host/0'];
      const { errors } = await explain(...services(), '--cases', CASES, ...wrong);
      assert.match(errors, /--python-redis must start with redis:\/\//);
      assert.doesNotMatch(errors, /secret/);
      const stray = await explain(...services(), '--cases', CASES, 'redis://:secret@host/0');
      assert.match(stray.errors, /^A value has no option before it/);
      assert.doesNotMatch(stray.errors, /secret/);
      await check(
        /--python-redis names sentinels: give the master's own redis:\/\/ address/,
        ...[...services(), '--cases', CASES, '--python-redis', 'sentinel://127.0.0.1:26379/0'],
      );
    });

    it('wrong addresses in the environment', () => {
      const args = [...services(), '--cases', CASES];
      const { pythonRedis, nodeRedis } = readOptions(args, {
        PYTHON_REDIS_URL: database(1),
        NODE_REDIS_URL: database(2),
      });
      assert.deepEqual([pythonRedis?.database, nodeRedis?.database], [1, 2]);
      const given = readOptions([...args, ...both()], { PYTHON_REDIS_URL: database(3) });
      assert.equal(given.pythonRedis?.database, 1);
      assert.throws(
        () => readOptions(args, { PYTHON_REDIS_URL: 'http://user:secret@host/0' }),
        /^QuickstartError: --python-redis must start with redis:\/\/[^]*(?<!secret.*)$/,
      );
    });

    const files: [what: string, text: string, message: RegExp][] = [
      ['no request', '\n', /has no request: it holds one JSON object a line/],
      ['a line that is no JSON', '{"path": "/"}\n{path: "/"}', /cases\.jsonl:2: is not JSON: /],
      [
        'a line without a path',
        '{"method": "GET"}',
        /cases\.jsonl:1: data must have required property 'path'/,
      ],
      [
        'an unknown member',
        '{"path": "/", "query": {}}',
        /cases\.jsonl:1: data has an unknown 'query'/,
      ],
      [
        'an id that is kept nowhere',
        '{"path": "/result/{it}"}',
        /:1: \{it\} is kept by no case before it/,
      ],
      ['a stored result that nobody reads', '{"path": "/", "stored": "x"}', /belong together/],
    ];
    for (const [what, text, message] of files) {
      it(`a file with ${what}`, async () => {
        const file = join(folder, 'cases.jsonl');
        await writeFile(file, text);
        await check(message, ...services(), '--cases', file);
      });
    }

    it('a file that is not there, and an allow-list that is none', async () => {
      await check(
        /none\.jsonl can't be read: ENOENT/,
        ...services(),
        '--cases',
        join(folder, 'none.jsonl'),
      );
      const file = join(folder, 'allowed.json');
      await writeFile(file, '[{"name": "a"}]');
      await check(
        /allowed\.json: data\/0 must have required property 'why'/,
        ...services(),
        '--cases',
        CASES,
        '--allow',
        file,
      );
    });

    it('a service that is down, before it sends the other one anything', async () => {
      const nobody = `http://127.0.0.1:${await findFreePort()}`;
      const args = ['--cases', CASES, ...both(), ...withKey()];
      await check(
        /--node \(.*\) did not answer GET \/health: connect ECONNREFUSED/,
        '--python',
        old.url,
        '--node',
        nobody,
        ...args,
      );
      await check(
        /--python \(.*\) did not answer/,
        '--python',
        nobody,
        '--node',
        node.url,
        ...args,
      );
      assert.deepEqual(await depths(redis.python), [0, 0]);
    });

    it('a server that is no orchestrator, and one that knows no dry runs', async () => {
      const args = ['--cases', CASES, '--python-redis', database(1), ...withKey()];
      await check(
        /\/health with 404: is it the orchestrator/,
        '--python',
        `${old.url}/other`,
        '--node',
        node.url,
        ...args,
      );
      await check(
        /--node \(.*\) knows no dry runs, and would send the tasks/,
        '--python',
        old.url,
        '--node',
        old.url,
        ...args,
      );
      assert.deepEqual(await depths(redis.python), [0, 0]);
    });

    it('a Redis that is down, and one that a worker is connected to', async () => {
      const args = [...services(), '--cases', CASES, ...withKey()];
      const port = await findFreePort();
      await check(
        /--python-redis \(redis:\/\/127.* can't be used: connect ECONNREFUSED/,
        ...args,
        '--python-redis',
        `redis://127.0.0.1:${port}/0`,
      );
      await check(
        /A worker is connected to --python-redis \(redis:/,
        ...args,
        '--python-redis',
        theFleet().redis.url,
      );
    });

    it('a Redis that is not the one of the service', async () => {
      const cases = await casesOf({ path: '/assign-task/', body: { task_type: 'a' } });
      await check(
        /cases\.jsonl:1: --python has assigned a task, and there is no new message in worker_queue, automation_queue\. Is --python-redis the Redis/,
        ...[...services(), ...cases, ...withKey(), '--python-redis', database(4)],
      );
    });

    it('an Idempotency-Key that was used before', async () => {
      const assignment = {
        path: '/assign-task/',
        headers: { 'Idempotency-Key': 'once' },
        body: { task_type: 'a' },
      };
      const args = [...(await casesOf(assignment)), ...both()];
      await run(args);
      await assert.rejects(run(args), /--node has seen this Idempotency-Key before/);
    });
  });
});

const JSON_TYPE = { 'content-type': 'application/json' };
