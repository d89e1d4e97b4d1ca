import assert from 'node:assert/strict';
import { startFlower, startWorker } from '../../stack/celery.js';
import { findFreePort } from '../../stack/ports.js';
import type { RunningProcess } from '../../stack/process.js';
import { eventually } from '../support/eventually.js';
import { PYTHON_MODULES, theFleet, WORKERS_FOLDER } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';
import { runPython } from '../support/tasks.js';

/** A task in Flower's REST API. */
type FlowerTask = Readonly<Record<string, unknown>>;

const PARAMS = '{"text": "it\'s é", "number": 1.0, "deep": {"a": {"b": {"c": 1}}}, "2": 1, "1": 2}';

describe('Flower', function () {
  this.timeout(120_000);
  // No worker listens to this database until the second spec.
  const database = 5;
  let redisUrl: string;
  let service: TestService;
  let flower: RunningProcess;
  let api: string;
  before(async () => {
    const { python, redis } = theFleet();
    redisUrl = redis.url.replace(/0$/, String(database));
    const port = await findFreePort();
    service = await startTestService({
      REDIS_URL: redisUrl,
      TASK_NAMESPACES: 'worker,automation',
      TASK_ORIGIN: 'orchestrator@spec',
    });
    flower = await startFlower({
      python,
      workersFolder: WORKERS_FOLDER,
      redisUrl,
      environment: process.env,
      port,
    });
    api = `http://127.0.0.1:${port}/api`;
    // Flower hears of a task only what is told while it listens to the events.
    await eventually('Flower listens', async () => known(await assign()), 30_000);
  });
  after(async () => {
    await flower.stop();
    await service.close();
  });

  let ours: string;
  let theirs: string;

  it('shows a queued task as it shows one of Python’s', async () => {
    ours = await assign();
    theirs = await sendWithPython();
    const [our, their] = [await waitFor(ours, 'PENDING'), await waitFor(theirs, 'PENDING')];
    assert.equal(our.name, 'automation.echo');
    assert.equal(our.kwargs, '{}');
    assert.match(String(our.args), /^\[\{'text': 'it\\'s é', 'number': 1\.0, /);
    assert.equal(our.routing_key, 'automation_queue');
    assert.equal(our.client, 'orchestrator@spec');
    assert.match(String(their.client), /^gen\d+@/);
    assert.deepEqual(comparable(our), comparable(their));
  });

  it('shows a finished task as it shows one of Python’s', async () => {
    const { python } = theFleet();
    const worker = await startWorker({
      python,
      workersFolder: WORKERS_FOLDER,
      redisUrl,
      environment: process.env,
      variables: { PYTHONPATH: PYTHON_MODULES },
      arguments: ['--include', 'outcome_tasks'],
    });
    try {
      const [our, their] = [await waitFor(ours, 'SUCCESS'), await waitFor(theirs, 'SUCCESS')];
      assert.match(String(our.args), /^\[\{'text': 'it\\'s é', 'number': 1\.0, /);
      assert.equal(our.client, 'orchestrator@spec');
      assert.equal(our.worker, their.worker);
      assert.deepEqual(comparable(our), comparable(their));
    } finally {
      await worker.stop();
    }
  });

  async function assign(): Promise<string> {
    const response = await service
      .post('/assign-task/')
      .set('Content-Type', 'application/json')
      .send(`{"task_type": "automation.echo", "params": ${PARAMS}}`)
      .expect(200);
    return (response.body as { task_id: string }).task_id;
  }

  async function sendWithPython(): Promise<string> {
    const input = JSON.stringify({ name: 'automation.echo', params: PARAMS });
    const [taskId = ''] = JSON.parse(
      await runPython('send_tasks', [], { input, redisUrl }),
    ) as string[];
    return taskId;
  }

  async function known(taskId: string): Promise<FlowerTask | undefined> {
    const tasks = (await (await fetch(`${api}/tasks`)).json()) as Record<string, FlowerTask>;
    return tasks[taskId];
  }

  function waitFor(taskId: string, state: string): Promise<FlowerTask> {
    return eventually(`Flower shows ${taskId} as ${state}`, async () => {
      const task = await known(taskId);
      return task?.state === state ? task : undefined;
    });
  }
});

/** Without what names the sender or this one task, and without times. */
function comparable(task: FlowerTask): unknown {
  const own = ['uuid', 'root_id', 'root', 'client', 'clock', 'runtime', 'timestamp'];
  const times = ['sent', 'received', 'started', 'succeeded'];
  return Object.fromEntries(
    Object.entries(task).map(([name, value]) => {
      return [...own, ...times].includes(name) ? [name, typeof value] : [name, value];
    }),
  );
}
