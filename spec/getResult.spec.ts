import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { theFleet } from './support/fleet.js';
import { startTestService, type TestService } from './support/service.js';
import { pythonResults, readResult, resultOf, runPython } from './support/tasks.js';

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
    assert.deepEqual(Object.keys(body), ['task_id', 'status', 'timestamp']);
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

  const kinds = [
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
  ];
  for (const kind of kinds) {
    it(`answers failed with the text of an exception: ${kind}`, async () => {
      const taskId = await service.assign('automation.fail', { kind });
      const body = await resultOf(service, taskId);
      const [python] = await pythonResults([taskId]);
      assert.equal(body.status, 'failed');
      assert.equal(python?.state, 'FAILURE');
      assert.equal(body.error, python.text);
      assert.deepEqual(Object.keys(body), ['task_id', 'status', 'error', 'timestamp']);
    });
  }

  it('answers failed for both time limits', async () => {
    for (const taskType of ['soft_limit', 'hard_limit']) {
      const taskId = await service.assign(`automation.${taskType}`);
      const body = await resultOf(service, taskId);
      const [python] = await pythonResults([taskId]);
      assert.equal(python?.state, 'FAILURE');
      assert.equal(body.status, 'failed');
      assert.equal(body.error, python.text);
    }
  });

  it('answers started without the process id and host of the worker, then failed when revoked', async () => {
    const taskId = await service.assign('automation.sleep', { seconds: 20 });
    const started = await resultOf(service, taskId, ({ status }) => status === 'started');
    assert.deepEqual(Object.keys(started), ['task_id', 'status', 'timestamp']);

    await runPython('revoke', taskId);
    const revoked = await resultOf(service, taskId);
    const [result] = await pythonResults([taskId]);
    assert.equal(result?.state, 'REVOKED');
    assert.equal(revoked.status, 'failed');
    assert.equal(revoked.error, result.text);
  });

  it('answers retry without the exception', async () => {
    const taskId = await service.assign('automation.retry');
    const body = await resultOf(service, taskId, ({ status }) => status === 'retry');
    assert.deepEqual(Object.keys(body), ['task_id', 'status', 'timestamp']);
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
    ['pickle', '\x80\x04\x95', 'the stored result is not JSON'],
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

  it('reads an empty value as pending', async () => {
    await redis.set('celery-task-meta-empty', '');
    assert.equal((await readResult(service, 'empty')).status, 'pending');
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
