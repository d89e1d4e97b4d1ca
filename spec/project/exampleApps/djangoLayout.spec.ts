import assert from 'node:assert/strict';
import { putInFront, type ListedTasks } from '../../support/exampleApp.js';

describe('A project in Django’s layout: settings with a namespace, tasks.py of each app', function () {
  this.timeout(60_000);
  const example = putInFront({
    folder: 'djangoLayout',
    app: 'shop',
    import: 'from billing.tasks import *; from mailing.tasks import *',
    workers: [['--pool', 'solo']],
    service: {
      // Celery's names as they are, such as billing.tasks.invoice.
      TASK_NAMESPACES: '*',
      // Celery's default queue, and no task_routes.
      TASK_QUEUE: 'celery',
      TASK_ROUTES: 'none',
      TASK_PARAMS_AS: 'kwargs',
    },
    calls: [
      {
        python: 'invoice.delay(customer_id=7)',
        request: { task_type: 'billing.tasks.invoice', params: { customer_id: 7 } },
        result: { customer: 7, amount: 1 },
      },
      {
        python: 'invoice.delay(7, amount=2)',
        request: { task_type: 'billing.tasks.invoice', args: [7], kwargs: { amount: 2 } },
        result: { customer: 7, amount: 2 },
      },
      {
        python: 'refund.delay(invoice_id="I-9")',
        request: { task_type: 'billing.tasks.refund', params: { invoice_id: 'I-9' } },
        error: 'Invoice I-9 is not paid',
      },
      {
        python: 'charge.delay(customer_id=7)',
        request: { task_type: 'billing.tasks.charge', params: { customer_id: 7 } },
        result: { customer: 7, attempt: 3 },
      },
      {
        python: 'welcome.apply_async(["a@b.ch"], {"language": "rm"}, countdown=1, time_limit=60)',
        request: {
          task_type: 'mailing.tasks.welcome',
          args: ['a@b.ch'],
          kwargs: { language: 'rm' },
          options: { countdown: 1, time_limit: 60 },
        },
        result: 'rm: a@b.ch',
      },
      {
        python: 'newsletter.apply_async(priority=9)',
        request: { task_type: 'mailing.tasks.newsletter', options: { priority: 9 } },
        result: null,
      },
    ],
  });

  it('lists the tasks of all apps, and the one queue that there is', async () => {
    const { tasks } = await example.get<ListedTasks>('tasks/');
    assert.deepEqual(
      tasks.map(({ task_type, queues }) => [task_type, queues]),
      [
        ['billing.tasks.charge', ['celery']],
        ['billing.tasks.invoice', ['celery']],
        ['billing.tasks.refund', ['celery']],
        ['mailing.tasks.newsletter', ['celery']],
        ['mailing.tasks.welcome', ['celery']],
      ],
    );
    const { queues } = await example.get<{ queues: { name: string; consumers: number }[] }>(
      'queues/',
    );
    assert.deepEqual(
      queues.map(({ name, consumers }) => [name, consumers]),
      [['celery', 1]],
    );
  });

  it('describes no tasks but its own', async () => {
    const { components } = await example.get<{
      components: { schemas: { AssignTaskRequest: { oneOf: object[] } } };
    }>('openapi.json');
    assert.deepEqual(components.schemas.AssignTaskRequest.oneOf, [
      { $ref: '#/components/schemas/OtherTaskRequest' },
    ]);
  });
});
