import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { eventually } from './eventually.js';
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

/** What Python's own `AsyncResult` says of a task: `text` is `str(result)`. */
export interface PythonResult {
  state: string;
  ready: boolean;
  result: unknown;
  text: string;
}

/** Asks Python's `AsyncResult` about these tasks, in this order. */
export async function pythonResults(taskIds: readonly string[]): Promise<PythonResult[]> {
  return JSON.parse(await runPython('read_results', ...taskIds)) as PythonResult[];
}

/** Runs a module of spec/support/python beside the workers' own, and gives what it prints. */
export async function runPython(module: string, ...values: readonly string[]): Promise<string> {
  const { python, redis } = theFleet();
  const { stdout } = await promisify(execFile)(python.python, ['-m', module, ...values], {
    cwd: WORKERS_FOLDER,
    env: {
      ...process.env,
      REDIS_URL: redis.url,
      PYTHONPATH: `${PYTHON_MODULES}:${WORKERS_FOLDER}`,
    },
  });
  return stdout;
}
