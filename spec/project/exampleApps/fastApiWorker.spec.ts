import assert from 'node:assert/strict';
import { putInFront, type ListedTasks } from '../../support/exampleApp.js';

describe('The app.worker of a FastAPI project: late acknowledgement, and a queue by task_routes', function () {
  this.timeout(60_000);
  const example = putInFront({
    folder: 'fastApiWorker',
    app: 'app.worker',
    import: 'from app.worker import *',
    workers: [['--pool', 'solo', '--queues', 'main-queue']],
    service: {
      TASK_NAMESPACES: '*',
      TASK_QUEUE: 'celery',
      // The app's task_routes, as they are.
      TASK_ROUTES: 'app.worker.test_celery=main-queue,app.worker.import_*=main-queue',
      TASK_PARAMS_AS: 'kwargs',
      // No worker consumes the queue of what task_routes doesn't name.
      STRICT_TASK_TYPES: 'true',
    },
    calls: [
      {
        python: 'test_celery.delay(word="hello")',
        request: { task_type: 'app.worker.test_celery', params: { word: 'hello' } },
        result: 'test task return hello',
      },
      {
        python: 'celery_app.send_task("app.worker.test_celery", args=["hello"])',
        request: { task_type: 'app.worker.test_celery', args: ['hello'] },
        result: 'test task return hello',
      },
      {
        python: 'import_users.delay([{"name": "Ada"}], dry_run=True)',
        request: {
          task_type: 'app.worker.import_users',
          args: [[{ name: 'Ada' }]],
          kwargs: { dry_run: true },
        },
        result: { imported: 0 },
      },
      {
        python: 'import_users.delay(rows=[])',
        request: { task_type: 'app.worker.import_users', params: { rows: [] } },
        error: "'rows'",
      },
      {
        python: 'import_orders.delay(url="http://shop")',
        request: { task_type: 'app.worker.import_orders', params: { url: 'http://shop' } },
        result: 1,
      },
    ],
  });

  it('lists the tasks, and refuses one that no worker has', async () => {
    const { tasks } = await example.get<ListedTasks>('tasks/');
    assert.deepEqual(
      tasks.map(({ task_type, queues }) => [task_type, queues]),
      [
        ['app.worker.import_orders', ['main-queue']],
        ['app.worker.import_users', ['main-queue']],
        ['app.worker.test_celery', ['main-queue']],
      ],
    );
    const response = await example.post('assign-task', { task_type: 'app.worker.test_celry' });
    assert.equal(response.status, 400);
    assert.match(await response.text(), /app\.worker\.test_celery/);
  });
});
