import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { theFleet } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';
import { resultOf, runPython } from '../support/tasks.js';

interface InspectedTask {
  id: string;
  name: string;
  args: unknown[];
  kwargs: object;
  delivery_info: { routing_key: string };
}

describe('Python’s own tools, on tasks of this service', function () {
  this.timeout(60_000);
  let service: TestService;
  before(async () => {
    service = await startTestService({ TASK_NAMESPACES: 'worker,automation' });
  });
  after(() => service.close());

  it('app.control.inspect shows a running one with its arguments', async () => {
    const taskId = await service.assign('automation.sleep', { seconds: 5, text: 'é' });
    await resultOf(service, taskId, ({ status }) => status === 'started');
    const active = await tool<Record<string, InspectedTask[]>>('inspect', 'active');
    const task = Object.values(active)
      .flat()
      .find(({ id }) => id === taskId);
    assert.equal(task?.name, 'automation.sleep');
    assert.deepEqual(task.args, [{ seconds: 5, text: 'é' }]);
    assert.deepEqual(task.kwargs, {});
    assert.equal(task.delivery_info.routing_key, 'automation_queue');
  });

  it('AsyncResult.get gives what one has returned', async () => {
    const taskId = await service.assign('automation.echo', { a: [1, 'é'] });
    assert.deepEqual(await tool('get', taskId), { a: [1, 'é'] });
  });

  it('purge removes those that wait', async () => {
    const redisUrl = theFleet().redis.url.replace(/0$/, '4');
    const redis = new Redis(redisUrl);
    const waiting = await startTestService({ REDIS_URL: redisUrl });
    for (let count = 0; count < 3; count += 1) {
      await waiting.assign('test_task');
    }
    assert.equal(await redis.llen('worker_queue'), 3);
    assert.equal(await tool('purge', undefined, redisUrl), 3);
    assert.equal(await redis.llen('worker_queue'), 0);
    await waiting.close();
    redis.disconnect();
  });
});

async function tool<Answer>(
  name: 'inspect' | 'get' | 'purge',
  argument?: string,
  redisUrl?: string,
): Promise<Answer> {
  const values = argument === undefined ? [name] : [name, argument];
  const options = redisUrl === undefined ? {} : { redisUrl };
  return JSON.parse(await runPython('celery_tools', values, options)) as Answer;
}
