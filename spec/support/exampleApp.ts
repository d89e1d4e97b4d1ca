import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { startProcess, untilReady, type RunningProcess } from '../../stack/process.js';
import { eventually } from './eventually.js';
import { PYTHON_MODULES, REPOSITORY, theFleet } from './fleet.js';
import { startServiceProcess, type ServiceProcess } from './serviceProcess.js';
import { databaseUrl } from './taskFleet.js';
import { runPython, type ResultBody } from './tasks.js';

/** No other spec of the project uses it. */
const DATABASE = 13;
const START_DEADLINE_MS = 60_000;

export interface ExampleApp {
  /** Of spec/support/exampleApps. */
  folder: string;
  /** As `celery --app` takes it. */
  app: string;
  /** The statement by which other code of the app has its tasks. */
  import: string;
  /** The arguments of each worker. */
  workers: readonly (readonly string[])[];
  /** What the service is told; Redis is told to all. */
  service: Readonly<Record<string, string>>;
  calls: readonly Call[];
}

/** A task, called by the app's own code and by the service. Both have to end alike. */
export interface Call {
  python: string;
  request: { task_type: string } & Record<string, unknown>;
  /** What `GET /result/{task_id}` is to tell. */
  result?: unknown;
  error?: string;
}

interface WaitingTask {
  list: string;
  task: string;
  args: unknown;
  kwargs: unknown;
  priority: number;
}

/** What AsyncResult says; `extended` is what `result_extended` adds. */
interface PythonResult {
  state: string;
  result: unknown;
  error: string | null;
  extended: unknown;
}

export interface ListedTasks {
  tasks: { task_type: string; queues: string[] }[];
}

/** The folder of an example, with files of its owner's such as a tasks file. */
export function exampleFolder(folder: string): string {
  return `${REPOSITORY}spec/support/exampleApps/${folder}`;
}

/**
 * Has the specs of this block put the service in front of an example. Each of its tasks is called twice, by the service
 * and by Python, and only then the workers start: so it can be seen what waits where. Both must wait and end alike.
 */
export function putInFront(example: ExampleApp) {
  const folder = exampleFolder(example.folder);
  let variables: Record<string, string>;
  let redis: Redis;
  let service: ServiceProcess;
  let workers: RunningProcess[] = [];
  let ours: { ids: string[]; waiting: WaitingTask[] };
  let theirs: { ids: string[]; waiting: WaitingTask[] };

  before(async () => {
    const redisUrl = databaseUrl(DATABASE);
    variables = { CELERY_BROKER_URL: redisUrl, CELERY_RESULT_BACKEND: redisUrl };
    redis = new Redis(redisUrl);
    await redis.flushdb();
    service = await startServiceProcess({ ...variables, ...example.service });
    const ids: string[] = [];
    for (const { request } of example.calls) {
      const response = await post('assign-task', request);
      assert.equal(response.status, 200, await response.clone().text());
      ids.push(((await response.json()) as { task_id: string }).task_id);
    }
    ours = { ids, waiting: await waitingTasks(redis) };
    const all = await python<string[]>(example.calls.map((one) => ({ call: one.python })));
    const known = new Set(ids);
    theirs = {
      ids: all,
      waiting: await waitingTasks(redis, (id) => !known.has(id)),
    };
    workers = await Promise.all(
      example.workers.map((words) => startWorkerOf(folder, example.app, redisUrl, words)),
    );
  });
  after(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await (service as ServiceProcess | undefined)?.close();
    redis.disconnect();
  });

  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${service.url}/${path}/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  const get = async <Body>(path: string): Promise<Body> => {
    const response = await fetch(`${service.url}/${path}`);
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as Body;
  };

  const python = async <Answer>(lines: readonly object[]): Promise<Answer> => {
    const printed = await runPython('example_app', [example.app, example.import], {
      input: lines.map((line) => JSON.stringify(line)).join('\n'),
      variables: {
        ...{ PYTHONPATH: PYTHON_MODULES, PYTHONDONTWRITEBYTECODE: '1' },
        ...variables,
      },
      folder,
    });
    return JSON.parse(printed) as Answer;
  };

  /** Waits for a task's end, and gives what the service tells of it. */
  const resultOf = (id: string): Promise<ResultBody> =>
    eventually(`the end of task ${id}`, async () => {
      const body = await get<ResultBody>(`result/${id}?wait=20`);
      return ['completed', 'failed'].includes(body.status) ? body : undefined;
    });

  it('has each task wait in the list, and with the arguments, of apply_async', () => {
    assert.equal(theirs.waiting.length, example.calls.length);
    assert.deepEqual(ours.waiting, theirs.waiting);
  });

  it('ends each task as apply_async does, and reads what AsyncResult reads', async () => {
    const ids = [...ours.ids, ...theirs.ids];
    const bodies: ResultBody[] = [];
    for (const id of ids) {
      bodies.push(await resultOf(id));
    }
    const results = await python<readonly PythonResult[]>(ids.map((id) => ({ id })));
    for (const [index, result] of results.entries()) {
      const call = example.calls[index % example.calls.length];
      const body = bodies[index];
      assert.ok(call && body);
      const { python: where } = call;
      assert.deepEqual(
        [body.state, body.result ?? null, body.error ?? null],
        [result.state, result.result, result.error],
        where,
      );
      assert.deepEqual(body.result ?? null, call.result ?? null, where);
      assert.equal(body.error, call.error, where);
      const other = results[(index + example.calls.length) % results.length];
      assert.deepEqual(result.extended, other?.extended, where);
    }
  });

  return { post, get };
}

/** Starts a worker of an app in a folder, as its owner does, and waits until it takes tasks. */
export async function startWorkerOf(
  folder: string,
  app: string,
  redisUrl: string,
  words: readonly string[] = ['--pool', 'solo'],
): Promise<RunningProcess> {
  let isReady = false;
  const worker = await startProcess({
    name: `The worker of ${app}`,
    command: theFleet().python.python,
    arguments: ['-m', 'celery', '--app', app, 'worker', '--loglevel', 'INFO', ...words],
    environment: {
      ...{ PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: '1' },
      ...{ CELERY_BROKER_URL: redisUrl, CELERY_RESULT_BACKEND: redisUrl },
    },
    folder,
    onLine: (line) => {
      isReady ||= / ready\.\s*$/.test(line);
    },
  });
  await untilReady(worker, { isReady: () => isReady, deadlineMs: START_DEADLINE_MS });
  return worker;
}

/** The messages in all lists, sorted by list and the oldest first in each. */
async function waitingTasks(
  redis: Redis,
  isWanted: (id: string) => boolean = () => true,
): Promise<WaitingTask[]> {
  const keys = (await redis.keys('*')).sort();
  const found: WaitingTask[] = [];
  for (const list of keys) {
    if ((await redis.type(list)) !== 'list') {
      continue;
    }
    for (const text of (await redis.lrange(list, 0, -1)).reverse()) {
      const { headers, properties, body } = JSON.parse(text) as {
        headers: { id: string; task: string };
        properties: { priority: number };
        body: string;
      };
      const [args, kwargs] = JSON.parse(Buffer.from(body, 'base64').toString()) as unknown[];
      if (isWanted(headers.id)) {
        found.push({ list, task: headers.task, args, kwargs, priority: properties.priority });
      }
    }
  }
  return found;
}
