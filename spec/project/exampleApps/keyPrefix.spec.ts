import assert from 'node:assert/strict';
import { putInFront, type ListedTasks } from '../../support/exampleApp.js';

describe('An app with result_extended and a global_keyprefix, and tasks of plain signatures', function () {
  this.timeout(60_000);
  const example = putInFront({
    folder: 'keyPrefix',
    app: 'signatures',
    import: 'from signatures import *',
    workers: [['--pool', 'solo']],
    service: {
      TASK_NAMESPACES: '*',
      TASK_QUEUE: 'celery',
      TASK_ROUTES: 'none',
      TASK_PARAMS_AS: 'kwargs',
      CELERY_BROKER_GLOBAL_KEYPREFIX: 'shop:',
      CELERY_RESULT_GLOBAL_KEYPREFIX: 'shop:',
    },
    calls: [
      {
        python: 'add.delay(1, 2)',
        request: { task_type: 'signatures.add', args: [1, 2] },
        result: 3,
      },
      {
        python: 'add.delay(1, "2")',
        request: { task_type: 'signatures.add', args: [1, '2'] },
        error: "unsupported operand type(s) for +: 'int' and 'str'",
      },
      {
        python: 'greet.delay(name="Ada")',
        request: { task_type: 'signatures.greet', params: { name: 'Ada' } },
        result: 'Hello, Ada',
      },
      {
        python: 'app.send_task("signatures.greet")',
        request: { task_type: 'signatures.greet' },
        error: "greet() missing 1 required keyword-only argument: 'name'",
      },
      {
        python: 'power.delay(base=3)',
        request: { task_type: 'signatures.power', params: { base: 3 } },
        result: 9,
      },
      {
        python: 'power.apply_async([3], {"exponent": 0.5}, priority=6)',
        request: {
          task_type: 'signatures.power',
          args: [3],
          kwargs: { exponent: 0.5 },
          options: { priority: 6 },
        },
        result: 3 ** 0.5,
      },
      {
        python: 'attempts.delay(wanted=3)',
        request: { task_type: 'signatures.attempts', params: { wanted: 3 } },
        result: { attempts: 3, queue: 'celery' },
      },
      { python: 'ping.delay()', request: { task_type: 'signatures.ping' }, result: 'pong' },
    ],
  });

  it('lists the tasks', async () => {
    const { tasks } = await example.get<ListedTasks>('tasks/');
    assert.deepEqual(
      tasks.map(({ task_type }) => task_type),
      ['add', 'attempts', 'greet', 'ping', 'power'].map((name) => `signatures.${name}`),
    );
  });
});
