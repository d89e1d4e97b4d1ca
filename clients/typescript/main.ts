// Assigns a task, waits for its result, and is refused, with a client that is made of the contract.
import { randomUUID } from 'node:crypto';
import createClient from 'openapi-fetch';
import type { components, paths } from './generated/orchestrator.js';

type Schemas = components['schemas'];

const { ORCHESTRATOR_URL = 'http://127.0.0.1:8000', ORCHESTRATOR_API_KEY = '' } = process.env;

const client = createClient<paths>({
  baseUrl: ORCHESTRATOR_URL,
  headers: ORCHESTRATOR_API_KEY === '' ? {} : { 'x-api-key': ORCHESTRATOR_API_KEY },
});

/** An answer that is no success, with the body that the contract has for it. */
class Refused extends Error {
  constructor(
    readonly status: number,
    readonly body: Schemas['ErrorResponse'],
  ) {
    super(body.message);
  }
}

/** A request may be sent again with its key: the task is assigned once. */
async function assign(body: Schemas['AssignTaskRequest'], key: string): Promise<string> {
  const { data, error, response } = await client.POST('/assign-task/', {
    params: { header: { 'Idempotency-Key': key } },
    body,
  });
  if (error !== undefined) throw new Refused(response.status, error);
  return data.task_id;
}

/** Waits for the end of a task; each answer comes when it has ended, or after ten seconds. */
async function untilEnded(task_id: string): Promise<Schemas['TaskResult']> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const { data, error, response } = await client.GET('/result/{task_id}', {
      params: { path: { task_id }, query: { wait: 10 } },
    });
    if (error !== undefined) throw new Refused(response.status, error);
    if (data.status === 'completed' || data.status === 'failed') return data;
  }
  throw new Error(`Task ${task_id} has not ended within a minute`);
}

const request: Schemas['TestTaskRequest'] = {
  task_type: 'test_task',
  params: { duration: 0.2, steps: 2 },
};
const key = randomUUID();
const taskId = await assign(request, key);
console.log(`assigned ${(await assign(request, key)) === taskId ? 'once' : 'twice'}`);

const { status, error, result } = await untilEnded(taskId);
if (status === 'failed') throw new Error(error);
// What a task returns is between its worker and its clients: the contract can't know it.
console.log(`${status} after ${(result as { steps: number }).steps} steps`);

try {
  await assign({ task_type: 'test_task', params: { duration: -1 } }, randomUUID());
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  for (const { pointer, message } of error.body.details?.errors ?? []) {
    console.log(`refused with ${error.status}: ${pointer} ${message}`);
  }
}
