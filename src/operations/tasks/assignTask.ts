import type { PreviewTasks, SendTask } from '../../celery/producing/producer.js';
import type { TaskFault } from '../../celery/producing/unreadable.js';
import { AssignmentFailed, InvalidRequest, QueueIsFull, type RequestFault } from '../../errors.js';
import { timestamp } from '../../timestamp.js';
import {
  assigned,
  type AssignTaskResponse,
  type CountAssignment,
  type ReadAssignment,
} from './assignment.js';
import { dryRun } from './dryRun.js';
import { answerBefore, claimFor } from './idempotency.js';
import type { Operation } from '../operation.js';
import type { CheckTaskType } from './strictTaskTypes.js';

/**
 * Sends a task to the workers. Answers after Redis has acknowledged it, or as it has answered before to the
 * same Idempotency-Key; or tells what it would send. Throws AssignmentFailed or QueueIsFull; InvalidRequest
 * for options that can't be had and for what no worker could read; IdempotencyKeyReused.
 */
export function createAssignTask(dependencies: {
  readAssignment: ReadAssignment;
  sendTask: SendTask;
  previewTasks: PreviewTasks;
  /** Undefined where any well-formed type is taken. */
  checkTaskType?: CheckTaskType | undefined;
  /** In milliseconds. */
  timeout: number;
  count: CountAssignment;
}): Operation<'assignTask'> {
  const { readAssignment, sendTask, previewTasks, checkTaskType, timeout, count } = dependencies;

  return async ({ body, sent, headers, query, client, sensitive, trace, annotate }) => {
    const start = performance.now();
    const { task_type } = body;
    const { task: plain, faults } = readAssignment(body, sent, sensitive);
    annotate({ task_id: plain.id, task_type });
    if (faults.length > 0) {
      throw new InvalidRequest(faults);
    }
    let milliseconds = timeout;
    const check = checkTaskType?.(task_type);
    if (check !== undefined) {
      await check;
      milliseconds -= performance.now() - start;
    }
    if (query.dry_run) {
      annotate({ dry_run: true });
      const preview = await dryRun([body], [plain], { previewTasks, trace }, timestamp());
      if ('faults' in preview) {
        throw new InvalidRequest(preview.faults.map(faultInBody));
      }
      const [answer] = preview.answers;
      if (answer === undefined) {
        throw new Error('A dry run did not tell of its task');
      }
      return { ...OK, body: answer };
    }
    const sending = trace?.startSending(plain);
    const task = sending === undefined ? plain : { ...plain, traceHeaders: sending.headers };
    const answer = assigned(task_type, task.id, timestamp());
    const idempotencyKey = headers['Idempotency-Key'];
    const claim =
      idempotencyKey === undefined
        ? undefined
        : claimFor({ client, idempotencyKey, body: sent.text }, answer);

    const outcome = await sendTask(task, { milliseconds, claim });
    const fate = 'faults' in outcome ? 'invalid' : outcome.fate;
    sending?.end(fate);
    count(task_type, fate, (performance.now() - start) / 1000);
    if (outcome.fate === 'assigned') {
      return { ...OK, body: answer };
    }
    if (outcome.fate === 'repeated') {
      const before = answerBefore(outcome.value, sent.text) as AssignTaskResponse;
      annotate({ task_id: before.task_id, repeated: true });
      return { ...OK, headers: { 'Idempotent-Replayed': 'true' }, body: before };
    }
    if (outcome.fate === 'full') {
      throw new QueueIsFull(task_type, task.id);
    }
    if ('faults' in outcome) {
      throw new InvalidRequest(outcome.faults.map(faultInBody));
    }
    const queued = outcome.fate === 'refused' ? 'no' : 'unknown';
    throw new AssignmentFailed(task_type, task.id, { ...outcome, queued });
  };
}

const OK = { status: 200, mediaType: 'application/json' } as const;

function faultInBody({ pointer, reason }: TaskFault): RequestFault {
  return { in: 'body', pointer, message: reason };
}
