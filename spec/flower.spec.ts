import assert from 'node:assert/strict';
import { startFlower } from '../quickstart/celery.js';
import { findFreePort } from '../quickstart/ports.js';
import type { RunningProcess } from '../quickstart/process.js';
import { eventually } from './support/eventually.js';
import { theFleet, WORKERS_FOLDER } from './support/fleet.js';
import { startTestService, type TestService } from './support/service.js';
import { resultOf } from './support/tasks.js';

describe('Flower', function () {
  this.timeout(60_000);
  let service: TestService;
  let flower: RunningProcess;
  let api: string;
  before(async () => {
    const { python, redis } = theFleet();
    const port = await findFreePort();
    service = await startTestService();
    flower = await startFlower({
      python,
      workersFolder: WORKERS_FOLDER,
      redisUrl: redis.url,
      environment: process.env,
      port,
    });
    api = `http://127.0.0.1:${port}/api`;
  });
  after(async () => {
    await flower.stop();
    await service.close();
  });

  it('lists a task of this service, by its name and result', async () => {
    // Flower hears of a task only what is told while it listens to the events.
    const seen = await eventually(
      'Flower knows a task of this service',
      async () => {
        const taskId = await service.assign('test_task', { duration: 0 });
        await resultOf(service, taskId);
        const tasks = (await (await fetch(`${api}/tasks`)).json()) as Record<string, FlowerTask>;
        return tasks[taskId]?.state === 'SUCCESS' ? tasks[taskId] : undefined;
      },
      30_000,
    );
    assert.equal(seen.name, 'worker.test_task');
    assert.match(seen.result, /'task_type': 'test_task'/);
  });
});

interface FlowerTask {
  name: string;
  state: string;
  result: string;
}
