import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { eventually } from './eventually.js';
import type { PythonEnvironment } from '../../stack/python.js';
import { PYTHON_MODULES, theFleet, WORKERS_FOLDER } from './fleet.js';
import type { TestService } from './service.js';

/** The body of `GET /result/{task_id}`. */
export interface ResultBody {
  task_id: string;
  status: string;
  result?: unknown;
  error?: string;
  progress?: unknown;
  timestamp: string;
  state: string;
  date_done?: string;
  traceback?: string;
}

/** Reads the result once. */
export async function readResult(service: TestService, taskId: string): Promise<ResultBody> {
  const response = await service.get(`/result/${taskId}`).expect(200);
  return response.body as ResultBody;
}

/** Reads the result until `accept` takes it. */
export function resultOf(
  service: TestService,
  taskId: string,
  accept: (body: ResultBody) => boolean = ({ status }) => ['completed', 'failed'].includes(status),
): Promise<ResultBody> {
  return eventually(`the result of task ${taskId}`, async () => {
    const body = await readResult(service, taskId);
    return accept(body) ? body : undefined;
  });
}

/** What Python's own `AsyncResult` says of a task. */
interface PythonResult {
  state: string;
  ready: boolean;
  /** Python's text of the result in plain JSON; null where it is an exception. */
  result: string | null;
  /** `str(result)` */
  text: string;
  traceback: string | null;
  date_done: string | null;
}

/** Holds the answers of `GET /result/{task_id}` about ended tasks against Python's `AsyncResult`. */
export async function assertAsPython(
  service: TestService,
  taskIds: readonly string[],
  transportOptions: object = {},
): Promise<void> {
  const texts: string[] = [];
  for (const taskId of taskIds) {
    texts.push((await service.get(`/result/${taskId}`).expect(200)).text);
  }
  const results = JSON.parse(
    await runPython('show_results', [], { input: texts.join('\n') }),
  ) as string[];
  const theirs = JSON.parse(
    await runPython('read_results', taskIds, {
      variables: { TRANSPORT_OPTIONS: JSON.stringify(transportOptions) },
    }),
  ) as PythonResult[];
  assert.equal(theirs.length, taskIds.length);

  for (const [index, python] of theirs.entries()) {
    const text = texts[index] ?? '';
    const body = JSON.parse(text) as ResultBody;
    const where = `of ${text}`;
    assert.equal(body.state, python.state, where);
    assert.ok(python.ready, where);
    assert.equal(body.status, python.state === 'SUCCESS' ? 'completed' : 'failed', where);
    assert.equal(body.date_done, python.date_done, where);
    if (body.status === 'completed') {
      assert.equal(results[index], python.result, where);
      assert.ok('result' in body && !('error' in body), where);
    } else {
      assert.equal(body.error, python.text, where);
      assert.ok(!('result' in body), where);
    }
    assert.ok(!('progress' in body), where);
  }
}

/**
 * Runs a module of spec/support/python beside the workers' own, and gives what it prints.
 *
 * @param options.input what it reads; `redisUrl` the Redis it works with, the fleet's unless given;
 *   `variables` of its environment; `python` and `folder` the ones to run it with and in, the workers' own unless given
 */
export async function runPython(
  module: string,
  values: readonly string[] = [],
  options: {
    input?: string;
    redisUrl?: string;
    variables?: NodeJS.ProcessEnv;
    python?: PythonEnvironment;
    folder?: string;
  } = {},
): Promise<string> {
  const { python: ofFleet, redis } = theFleet();
  const { python } = options.python ?? ofFleet;
  const running = promisify(execFile)(python, ['-m', module, ...values], {
    cwd: options.folder ?? WORKERS_FOLDER,
    env: {
      ...process.env,
      REDIS_URL: options.redisUrl ?? redis.url,
      PYTHONPATH: `${PYTHON_MODULES}:${WORKERS_FOLDER}`,
      ...options.variables,
    },
    maxBuffer: 256 * 1024 * 1024,
  });
  running.child.stdin?.end(options.input ?? '');
  return (await running).stdout;
}
