import { QuickstartError } from './failure.js';
import { pause } from './wait.js';

const TASK_DEADLINE_MS = 120_000;

export interface DemonstrationOptions {
  /** The body of POST /assign-task/ */
  request: { task_type: string; params: Record<string, unknown> };
  /** Where the service is, such as http://127.0.0.1:8000 */
  serviceUrl: string;
  /** Of each request, such as the key of the service. */
  headers: Record<string, string>;
  /** Called with the task's id, and then with each change of its status or progress. */
  say: (line: string) => void;
  signal: AbortSignal;
}

/**
 * Assigns a task and follows it until it completes; resolves to its result.
 * Throws a QuickstartError if the service refuses it, the task fails, or it takes over two minutes.
 */
export async function demonstrateTask(options: DemonstrationOptions): Promise<unknown> {
  const { request, serviceUrl, headers, say, signal } = options;
  const assigned = await requestJson(`${serviceUrl}/assign-task/`, signal, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  const taskId = String(assigned.task_id);
  say(`Assigned ${request.task_type} as task ${taskId}`);

  const deadline = Date.now() + TASK_DEADLINE_MS;
  let shown = '';
  while (Date.now() < deadline) {
    const task = await requestJson(`${serviceUrl}/result/${taskId}`, signal, { headers });
    const state = describeState(task);
    if (state !== shown) say(state);
    shown = state;
    if (task.status === 'completed') return task.result;
    if (task.status === 'failed') {
      throw new QuickstartError(`The task failed: ${JSON.stringify(task.error)}`);
    }
    await pause(100, signal);
  }
  throw new QuickstartError(`The task is still ${shown} after ${TASK_DEADLINE_MS / 1000} s.`);
}

function describeState({ status, progress }: Record<string, unknown>): string {
  if (!isRecord(progress)) return String(status);
  const { current, total } = progress;
  return typeof current === 'number' && typeof total === 'number'
    ? `${String(status)} ${current} of ${total}`
    : `${String(status)} ${JSON.stringify(progress)}`;
}

async function requestJson(
  url: string,
  signal: AbortSignal,
  request: RequestInit,
): Promise<Record<string, unknown>> {
  const response = await fetch(url, { ...request, signal });
  const text = await response.text();
  const body: unknown = response.ok ? JSON.parse(text) : undefined;
  if (isRecord(body)) return body;
  throw new QuickstartError(`${url} answered ${response.status}: ${text.slice(0, 500)}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
