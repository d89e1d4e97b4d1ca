import assert from 'node:assert/strict';
import { putInFront, type ListedTasks } from '../../support/exampleApp.js';

interface QueueList {
  queues: { name: string; consumers: number; depth_by_priority: Record<string, number> }[];
}

describe('An app with several queues, and Celery’s own recipe for priorities on Redis', function () {
  this.timeout(60_000);
  const example = putInFront({
    folder: 'priorities',
    app: 'media',
    import: 'from media import *',
    workers: [
      ['--pool', 'solo', '--queues', 'interactive', '--hostname', 'interactive@%h'],
      ['--pool', 'solo', '--queues', 'batch', '--hostname', 'batch@%h'],
    ],
    service: {
      TASK_NAMESPACES: '*',
      TASK_QUEUE: 'batch',
      TASK_ROUTES: 'media.preview*=interactive,*.report_*=batch',
      TASK_PARAMS_AS: 'kwargs',
      // Those that a sender may choose; no worker consumes the last.
      TASK_QUEUES: 'batch,interactive,archive',
      // The app's broker_transport_options.
      CELERY_BROKER_PRIORITY_STEPS: '0,1,2,3,4,5,6,7,8,9',
      CELERY_BROKER_SEP: ':',
      TASK_DEFAULT_PRIORITY: '5',
    },
    calls: [
      {
        python: 'preview.delay(path="a")',
        request: { task_type: 'media.preview', params: { path: 'a' } },
        result: 'a.png',
      },
      {
        python: 'preview_video.apply_async(["a"], {"seconds": 1}, priority=4)',
        request: {
          task_type: 'media.preview_video',
          args: ['a'],
          kwargs: { seconds: 1 },
          options: { priority: 4 },
        },
        result: { path: 'a', seconds: 1 },
      },
      {
        python: 'transcode.apply_async(["late"], priority=8)',
        request: { task_type: 'media.transcode', args: ['late'], options: { priority: 8 } },
        result: 'late.av1',
      },
      {
        python: 'transcode.apply_async(["soon"], priority=1)',
        request: { task_type: 'media.transcode', args: ['soon'], options: { priority: 1 } },
        result: 'soon.av1',
      },
      {
        python: 'transcode.apply_async(["a", "mpeg1"], queue="interactive", priority=2)',
        request: {
          task_type: 'media.transcode',
          args: ['a', 'mpeg1'],
          options: { queue: 'interactive', priority: 2 },
        },
        error: 'mpeg1',
      },
      {
        python: 'report_usage.apply_async(kwargs={"month": "2026-01"}, priority=5)',
        request: {
          task_type: 'media.report_usage',
          params: { month: '2026-01' },
          options: { priority: 5 },
        },
        result: { month: '2026-01', priority: 5 },
      },
    ],
  });

  it('lists the tasks, and who consumes which queue', async () => {
    const { tasks } = await example.get<ListedTasks>('tasks/');
    assert.deepEqual(
      tasks.map(({ task_type }) => task_type),
      ['preview', 'preview_video', 'report_usage', 'transcode'].map((name) => `media.${name}`),
    );
    const { queues } = await example.get<QueueList>('queues/');
    assert.deepEqual(
      queues.map(({ name, consumers }) => [name, consumers]),
      [
        ['archive', 0],
        ['batch', 1],
        ['interactive', 1],
      ],
    );
  });

  it('counts and finds what waits, by each of the ten priorities', async () => {
    const ids: string[] = [];
    for (const priority of [7, 4]) {
      const options = { queue: 'archive', priority };
      const body = { task_type: 'media.transcode', args: ['a'], options };
      const response = await example.post('assign-task', body);
      ids.push(((await response.json()) as { task_id: string }).task_id);
    }
    const { queues } = await example.get<QueueList>('queues/');
    assert.deepEqual(
      Object.values(queues[0]?.depth_by_priority ?? {}),
      [0, 0, 0, 0, 1, 0, 0, 1, 0, 0],
    );
    const { state, position } = await example.get<{ state: string; position: number }>(
      `tasks/${ids[0]}/explain`,
    );
    assert.deepEqual([state, position], ['queued', 1]);
  });
});
