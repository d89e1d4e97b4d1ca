import assert from 'node:assert/strict';
import { exampleFolder, putInFront, type ListedTasks } from '../../support/exampleApp.js';

describe('Shared tasks with names of their own, described by a tasks file', function () {
  this.timeout(60_000);
  const example = putInFront({
    folder: 'sharedTasks',
    app: 'notifications.celery_app',
    import: 'from notifications.tasks import *',
    workers: [['--pool', 'threads', '--concurrency', '2']],
    service: {
      TASK_NAMESPACES: '*',
      // The app's task_default_queue.
      TASK_QUEUE: 'notifications',
      TASK_ROUTES: 'none',
      TASK_PARAMS_AS: 'kwargs',
      TASKS_FILE: `${exampleFolder('sharedTasks')}/tasks.yaml`,
    },
    calls: [
      {
        python:
          'send_email.apply_async(kwargs={"to": "a@b.ch", "subject": "Hello"}, priority=3, expires=3600)',
        request: { task_type: 'send-email', params: { to: 'a@b.ch', subject: 'Hello' } },
        result: { to: 'a@b.ch', subject: 'Hello', cc: [] },
      },
      {
        python: 'send_email.apply_async(kwargs={"to": "a", "subject": "Hello"}, priority=6)',
        request: {
          task_type: 'send-email',
          params: { to: 'a', subject: 'Hello' },
          options: { priority: 6 },
        },
        error: "'a' is no address",
      },
      {
        python: 'push.delay({"fails": 2}, "Hello")',
        request: { task_type: 'push:send', args: [{ fails: 2 }, 'Hello'] },
        result: { text: 'Hello', retries: 2 },
      },
      {
        python: 'push.delay(device={"fails": 3}, text="Hello")',
        request: { task_type: 'push:send', params: { device: { fails: 3 }, text: 'Hello' } },
        error: '[Errno 104] Connection reset by peer',
      },
      {
        python: 'cleanup.apply_async(priority=9)',
        request: { task_type: 'cleanup' },
        result: 0,
      },
    ],
  });

  it('lists the tasks by these names', async () => {
    const { tasks } = await example.get<ListedTasks>('tasks/');
    assert.deepEqual(
      tasks.map(({ task_type, queues }) => [task_type, queues]),
      [
        ['cleanup', ['notifications']],
        ['push:send', ['notifications']],
        ['send-email', ['notifications']],
      ],
    );
  });

  it('refuses what a task would fail on, by the tasks file', async () => {
    const params = { to: 'a@b.ch', subjekt: 'Hello' };
    const response = await example.post('assign-task', { task_type: 'send-email', params });
    assert.equal(response.status, 400);
    assert.match(await response.text(), /\/params\/subject is required/);
  });
});
