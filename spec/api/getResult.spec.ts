import assert from 'node:assert/strict';
import { request } from 'node:http';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';
import { jsonObjectTexts } from '../support/json.js';
import { startTestService, type TestService } from '../support/service.js';
import { assertAsPython, readResult, resultOf, runPython } from '../support/tasks.js';

/** Whether other characters are printable depends on the version of Unicode that a Python has. */
const PRINTABLE = ['a', 'Z', ' ', '0', 'é', '世', '😀', "'", '"', '\\', '\n', '\u200b', '\ud83d'];

const FAILURE_OF_DIGITS = `{"status": "FAILURE", "result": {"exc_type": "E", "exc_message": [${'9'.repeat(4301)}]}}`;

describe('GET /result/{task_id}', () => {
  let service: TestService;
  let redis: Redis;
  before(async () => {
    service = await startTestService({ TASK_NAMESPACES: 'worker,automation' });
    redis = new Redis(theFleet().redis.url);
  });
  after(async () => {
    redis.disconnect();
    await service.close();
  });

  it('answers pending for an id that nothing is known of', async () => {
    const body = await readResult(service, 'never-assigned');
    assert.deepEqual(Object.keys(body), ['task_id', 'status', 'timestamp', 'state']);
    assert.equal(body.status, 'pending');
    assert.ok(Math.abs(Date.parse(body.timestamp) - Date.now()) < 5_000);
  });

  for (const value of [null, false, 0, '', [], 'text', { nested: { list: [1, 'a'] } }]) {
    it(`answers completed with the result ${JSON.stringify(value)}`, async () => {
      const taskId = await service.assign('automation.give', { value });
      const body = await resultOf(service, taskId);
      assert.equal(body.status, 'completed');
      assert.deepEqual(body.result, value);
      assert.ok(!('error' in body) && !('progress' in body));
    });
  }

  describe('equals AsyncResult', () => {
    const kinds: Record<string, readonly string[]> = {
      value: [
        'an aware datetime',
        'a naive datetime',
        'a datetime of another zone',
        'a date',
        'a time',
        'a Decimal',
        'a Decimal that is no number',
        'a UUID',
        'bytes that are text',
        'bytes that are none',
        'all of them, nested',
        'NaN and infinities',
        'integers of any size',
        'floats',
        'keys like integers',
        'half a surrogate pair',
        "text like kombu's",
        'a tuple',
        'big integers beside NaN',
      ],
      fail: [
        'one argument',
        'no argument',
        'several arguments',
        'a number',
        'a list',
        'small and large numbers',
        'KeyError',
        'KeyError of two',
        'ConnectionRefusedError',
        'TimeoutError with text',
        'JSONDecodeError',
        "a class of the workers'",
        'gaierror',
        'herror',
        'SSLError',
        'SSLCertVerificationError',
        'URLError',
        'HTTPError',
        'OSError with a file name',
        'NotRegistered',
        'text that looks like a repr',
        'numbers of every kind',
        'a float',
        'infinity',
        'bytes',
        'a datetime',
        "kombu's types",
        'a time and zones',
        'keys like integers',
        'an object without JSON',
        'UnicodeDecodeError',
        'UnicodeDecodeError of many',
        'UnicodeEncodeError',
        'UnicodeEncodeError of many',
        'CalledProcessError',
        'CalledProcessError by a signal',
        'CalledProcessError by another',
        'TimeoutExpired',
        'SyntaxError',
        'SyntaxError without a place',
        'NoSectionError',
        'OSError of one file and another',
        'ModuleNotFoundError',
        'NoOptionError',
        'BlockingIOError of characters',
        'QueueNotFound',
        'SSLWantReadError',
        'SSLError of one',
        'SSLError of none',
        'SSLError of numbers',
        'CalledProcessError by SIGRTMIN',
        'SyntaxError of three',
        'TabError',
        'UnicodeTranslateError',
        'IncompleteRead',
        'ContentTooShortError',
        "asyncio's IncompleteReadError",
        'a Decimal that is no number',
        'ExceptionGroup',
        'IndexError',
        'StopIteration',
        'AssertionError',
        'MaxRetriesExceededError',
        'a class of another class',
        "a class that can't be called again",
        'such a class with a cause',
        'such a class with objects',
        'such a class of ValueError',
        'a wrapped exception',
        "dateutil's ParserError",
        "dateutil's ParserError of two",
        "dateutil's ParserError without values",
        'PackageNotFoundError',
      ],
    };
    for (const [task, names] of Object.entries(kinds)) {
      for (const kind of names) {
        it(`where a task ends with ${task === 'fail' ? 'an exception' : 'a value'}: ${kind}`, async () => {
          const taskId = await service.assign(`automation.${task}`, { kind });
          const { status } = await resultOf(service, taskId);
          assert.equal(status, task === 'fail' ? 'failed' : 'completed');
          await assertAsPython(service, [taskId]);
        });
      }
    }

    it('where a task hits a limit, is rejected, or is unknown to the workers', async () => {
      const taskTypes = ['soft_limit', 'hard_limit', 'reject', 'unknown_to_all'];
      const taskIds = await Promise.all(
        taskTypes.map((taskType) => service.assign(`automation.${taskType}`)),
      );
      for (const taskId of taskIds) {
        assert.equal((await resultOf(service, taskId)).status, 'failed');
      }
      await assertAsPython(service, taskIds);
    });

    it('where a task has expired before a worker took it', async () => {
      const options = { expires: -1 };
      const task = { name: 'automation.echo', params: '{}', options };
      const sent = await runPython('send_tasks', [], { input: JSON.stringify(task) });
      const [taskId = ''] = JSON.parse(sent) as string[];
      const { error, state } = await resultOf(service, taskId);
      assert.deepEqual([error, state], ['expired', 'REVOKED']);
      await assertAsPython(service, [taskId]);
    });

    for (const [what, configuration] of [
      ['as the workers store it', {}],
      ['where it is compressed', { result_compression: 'gzip' }],
      ['where it is extended', { result_extended: true }],
    ] as const) {
      it(`for whatever a task returns or raises, ${what}`, async () => {
        const seed = Date.now();
        const texts = fc.sample(jsonObjectTexts(PRINTABLE), { numRuns: 150, seed });
        const tasks = texts.flatMap((text, index) => [
          { id: `${index}-value`, state: 'SUCCESS', result: text },
          { id: `${index}-fail`, state: 'FAILURE', result: `[${text}, [${text}]]` },
          { id: `${index}-fail1`, state: 'FAILURE', result: `[[${text}]]` },
        ]);
        const ids = tasks.map(({ id }) => `${seed}-${id}`);
        const input = tasks.map((task) => JSON.stringify({ ...task, id: `${seed}-${task.id}` }));
        await runPython('store_results', [JSON.stringify(configuration)], {
          input: input.join('\n'),
        });
        await assertAsPython(service, ids);
      });
    }

    it('under the key prefix of the result backend, with Celery’s separator', async () => {
      for (const prefix of ['fleet', 'fleet:']) {
        const transportOptions = { global_keyprefix: prefix };
        const id = `prefixed-${prefix.length}`;
        await runPython(
          'store_results',
          [JSON.stringify({ result_backend_transport_options: transportOptions })],
          { input: JSON.stringify({ id, state: 'SUCCESS', result: '{"a": 1.0}' }) },
        );
        const prefixed = await startTestService({ CELERY_RESULT_GLOBAL_KEYPREFIX: prefix });
        await assertAsPython(prefixed, [id], transportOptions);
        await prefixed.close();
        assert.equal((await readResult(service, id)).status, 'pending');
      }
    });
  });

  it('answers started without the process id and host of the worker, then failed when revoked', async () => {
    const taskId = await service.assign('automation.sleep', { seconds: 20 });
    const started = await resultOf(service, taskId, ({ status }) => status === 'started');
    assert.deepEqual(Object.keys(started), ['task_id', 'status', 'timestamp', 'state']);

    await runPython('revoke', [taskId]);
    const revoked = await resultOf(service, taskId);
    assert.equal(revoked.state, 'REVOKED');
    await assertAsPython(service, [taskId]);
  });

  it('stays pending where a task keeps no result', async () => {
    const key = 'spec-ignored-result';
    const taskId = await service.assign('automation.ignore_result', { key });
    await eventually('the task has run', () => redis.get(key).then((value) => value ?? undefined));
    // The worker's next task ends after whatever it might still have to store of this one.
    await resultOf(service, await service.assign('automation.echo'));
    assert.equal((await readResult(service, taskId)).status, 'pending');
  });

  it('shows tracebacks with EXPOSE_TRACEBACKS, and not without', async () => {
    const exposing = await startTestService({ EXPOSE_TRACEBACKS: 'true' });
    const taskId = await service.assign('automation.fail', { kind: 'one argument' });
    assert.ok(!('traceback' in (await resultOf(service, taskId))));
    const { traceback } = await readResult(exposing, taskId);
    assert.match(traceback ?? '', /^Traceback .*\n.*ValueError: Connection timeout/s);

    const retried = await service.assign('automation.retry');
    const isRetry = ({ status }: { status: string }) => status === 'retry';
    const retry = await resultOf(exposing, retried, isRetry);
    assert.match(retry.traceback ?? '', /secret reason/);
    assert.ok(!(await service.get(`/result/${retried}`)).text.includes('secret reason'));
    await exposing.close();
  });

  it('answers retry without the exception', async () => {
    const taskId = await service.assign('automation.retry');
    const body = await resultOf(service, taskId, ({ status }) => status === 'retry');
    assert.deepEqual(Object.keys(body), ['task_id', 'status', 'timestamp', 'state']);
  });

  it('gives the meta of a state of the task’s own as progress', async () => {
    const meta = { status: 'half', current: 1, total: 2 };
    for (const state of ['PROGRESS', 'Uploading']) {
      const taskId = await service.assign('automation.state', { state, meta });
      const body = await resultOf(service, taskId, ({ status }) => status === state.toLowerCase());
      assert.deepEqual(body.progress, meta);
      assert.ok(!('result' in body));
    }
  });

  it('reports the progress of a running task as it goes', async () => {
    const taskId = await service.assign('test_task', { duration: 1, steps: 5 });
    const body = await resultOf(service, taskId, ({ status }) => status === 'progress');
    assert.equal((body.progress as { task_type: string }).task_type, 'test_task');
    assert.equal((await resultOf(service, taskId)).status, 'completed');
  });

  for (const [what, stored, reason] of [
    [
      'a pickle',
      Buffer.from('\x80\x04\x95', 'latin1'),
      "the stored result is a pickle; have the workers use result_serializer='json'",
    ],
    ['another serializer’s bytes', Buffer.from([0xff, 0xfe]), 'the stored result is not JSON'],
    [
      'bzip2',
      '\0celery-compressed\0application/x-bz2\0BZh9',
      `the stored result is compressed as "application/x-bz2", which this service can't ` +
        "decompress; have the workers use result_compression='gzip'",
    ],
    [
      'damaged zlib',
      '\0celery-compressed\0application/x-gzip\0x',
      "the stored result is damaged: it can't be decompressed",
    ],
    [
      'an integer beyond Python',
      FAILURE_OF_DIGITS,
      'the stored result is nested too deeply, or has too long a number',
    ],
    ['half of a JSON text', '{"status": "SUC', 'the stored result is not JSON'],
    ['a list', '[]', "the stored result is not Celery's"],
    ['another status', '{"status": 1}', "the stored result is not Celery's"],
  ] as const) {
    it(`answers a clear 500 where Redis holds ${what}`, async () => {
      await redis.set('celery-task-meta-broken', stored);
      const response = await service.get('/result/broken').expect(500);
      const { message, task_id } = response.body as Record<string, string>;
      assert.equal(message, `The result could not be retrieved: ${reason}`);
      assert.equal(task_id, 'broken');
    });
  }

  for (const [what, stored, reason] of [
    [
      'a state that is no text',
      '{"status": NaN, "result": 1}',
      "the stored result is not Celery's",
    ],
    ['NaN alone', 'NaN', "the stored result is not Celery's"],
    [
      'more than fits when it is decompressed',
      Buffer.concat([
        Buffer.from('\0celery-compressed\0application/x-gzip\0'),
        deflateSync(Buffer.alloc(65 * 1024 * 1024, ' ')),
      ]),
      'the stored result is more than 64 MB when decompressed',
    ],
  ] as const) {
    it(`answers a clear 500 where Redis holds ${what}`, async () => {
      await redis.set('celery-task-meta-odd', stored);
      const response = await service.get('/result/odd').expect(500);
      const { message } = response.body as Record<string, string>;
      assert.equal(message, `The result could not be retrieved: ${reason}`);
    });
  }

  it('leaves out a date_done or a traceback that is none', async () => {
    for (const date of [
      'NaN',
      '"yesterday"',
      '"2026-01-31"',
      '[1]',
      '"2026-01-31T09:30:00+0530"',
    ]) {
      const stored = `{"status": "SUCCESS", "result": 1, "traceback": NaN, "date_done": ${date}}`;
      await redis.set('celery-task-meta-odd', stored);
      const body = await readResult(service, 'odd');
      assert.ok(!('date_done' in body), date);
    }
    const naive = '{"status": "SUCCESS", "result": 1, "date_done": "2026-01-31T09:30:00.5"}';
    await redis.set('celery-task-meta-odd', naive);
    assert.equal((await readResult(service, 'odd')).date_done, '2026-01-31T09:30:00.5+00:00');
  });

  it('reads a string of 32 MB, beside what JSON.parse does not read too', async () => {
    const text = 'x'.repeat(32 * 1024 * 1024);
    for (const [result, expected] of [
      [`[NaN, "${text}"]`, [null, text]],
      [`{"__type__": "bytes", "__value__": "${text}"}`, text],
      [`{"__type__": "base64", "__value__": "${text}"}`, text],
    ] as const) {
      await redis.set('celery-task-meta-large', `{"status": "SUCCESS", "result": ${result}}`);
      assert.deepEqual((await readResult(service, 'large')).result, expected);
    }
    await redis.del('celery-task-meta-large');
  });

  it('hands on a large result as it is stored, and to HEAD its length alone', async () => {
    const result = `{"text": "${'\u{1f600}é\\ud83d\\ude00'.repeat(100_000)}"}`;
    const stored = `{"status": "SUCCESS", "result": ${result}, "traceback": null, "children": [], "date_done": null, "task_id": "large"}`;
    await redis.set('celery-task-meta-large', stored);
    const get = await fetch(`${service.url}/result/large`);
    const text = await get.text();
    assert.ok(text.includes(result));
    assert.equal((JSON.parse(text) as { status: string }).status, 'completed');
    const length = String(Buffer.byteLength(text));
    assert.equal(get.headers.get('content-length'), length);
    const head = await fetch(`${service.url}/result/large`, { method: 'HEAD' });
    assert.deepEqual([head.headers.get('content-length'), await head.text()], [length, '']);
    await redis.del('celery-task-meta-large');
  });

  it('reads an empty value as pending', async () => {
    await redis.set('celery-task-meta-empty', '');
    assert.equal((await readResult(service, 'empty')).status, 'pending');
  });

  it('reads no other key of Redis, whatever the id', async () => {
    const read: string[] = [];
    const monitor = await redis.monitor();
    monitor.on('monitor', (_time: string, [command = '', key = '']: string[]) => {
      if (command.toLowerCase() === 'get') {
        read.push(key);
      }
    });
    try {
      // As text of the path: a client of HTTP would leave out the dots.
      for (const id of ['..', '...', '.', '%2e%2e', 'a:b~+@-_.', '%2b']) {
        assert.equal(await statusOf(service, `/result/${id}`), 200, id);
      }
      for (const id of ['..%2fother', 'a%00', '*', 'a%0d%0aDEL%20b', '%5c..', 'a'.repeat(256)]) {
        assert.equal(await statusOf(service, `/result/${id}`), 400, id);
      }
      await eventually('the keys of the valid ids are read', () =>
        read.length >= 6 ? 1 : undefined,
      );
      const ids = ['..', '...', '.', '..', 'a:b~+@-_.', '+'];
      assert.deepEqual(
        read.filter((key) => !key.startsWith('celery-task-meta-')),
        [],
      );
      assert.deepEqual(
        read.filter((key) => ids.includes(key.slice('celery-task-meta-'.length))),
        ids.map((id) => `celery-task-meta-${id}`),
      );
    } finally {
      monitor.disconnect();
    }
  });

  it('takes the last of members of the same name, also where one is written in escapes', async () => {
    const members = '"result":1,"result":{"result":2},"r\\u0065sult":{"a":1.0},"traceback":"\\\\"';
    await redis.set('celery-task-meta-twice', `{"status":"SUCCESS",${members}}`);
    const { text } = await service.get('/result/twice').expect(200);
    assert.match(text, /"result":\{"a":1\.0\}/);
  });

  it('answers a clear 500 where the key is not a text', async () => {
    await redis.lpush('celery-task-meta-list', 'x');
    const response = await service.get('/result/list').expect(500);
    assert.doesNotMatch(response.text, /WRONGTYPE|redis/i);
  });

  for (const id of ['%20', 'a%2Fb', 'a%0Ab', '%C3%A9', '*', 'x'.repeat(256), '%ZZ', '%FF']) {
    it(`refuses the task id ${id.slice(0, 9)}`, async () => {
      const response = await service.get(`/result/${id}`).expect(400);
      assert.match((response.body as { message: string }).message, /\/task_id/);
    });
  }
});

/** The status of an answer to a path that is sent as it is. */
function statusOf({ url }: TestService, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { path }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}
