import { randomUUID } from 'node:crypto';
import type { SendTask } from '../celery/producer.js';
import type { RoutedTask } from '../celery/routing.js';
import type { components } from '../contract/openapi.js';
import { AssignmentFailed, InvalidRequest, QueueIsFull } from '../errors.js';
import { redacted } from '../json/redaction.js';
import { answerBefore, claimFor } from './idempotency.js';
import { timestamp } from '../timestamp.js';
import type { Operation } from './operation.js';
import type { CheckTaskType } from './strictTaskTypes.js';

/**
 * Sends a task to the workers. Answers after Redis has acknowledged it, or as it has answered before to the
 * same Idempotency-Key. Throws AssignmentFailed or QueueIsFull; InvalidRequest for params that no worker could
 * read; IdempotencyKeyReused.
 */
export function createAssignTask(dependencies: {
  route: (taskType: string) => RoutedTask;
  sendTask: SendTask;
  /** Undefined where any well-formed type is taken. */
  checkTaskType?: CheckTaskType | undefined;
  /** In milliseconds. */
  timeout: number;
}): Operation<'assignTask'> {
  const { route, sendTask, checkTaskType, timeout } = dependencies;

  return async ({ body, sent, headers, client, sensitive, annotate }) => {
    const id = randomUUID();
    const { task_type } = body;
    annotate({ task_id: id, task_type });
    let milliseconds = timeout;
    const check = checkTaskType?.(task_type);
    if (check !== undefined) {
      const start = performance.now();
      await check;
      milliseconds -= performance.now() - start;
    }
    const params = sent.member('params') ?? NO_PARAMS;
    const shown = redacted(params.value, belowParams(sensitive));
    const task = { id, ...route(task_type), params, shown, priority: 0 };
    const answer: Answer = {
      task_id: id,
      status: 'assigned',
      message: `Task '${task_type}' successfully assigned`,
      timestamp: timestamp(),
    };
    const idempotencyKey = headers['Idempotency-Key'];
    const claim =
      idempotencyKey === undefined
        ? undefined
        : claimFor({ client, idempotencyKey, body: sent.text }, answer);

    const outcome = await sendTask(task, { milliseconds, claim });
    if (outcome.queued === 'yes') {
      return { ...OK, body: answer };
    }
    if (outcome.queued === 'before') {
      const before = answerBefore(outcome.value, sent.text);
      annotate({ task_id: before.task_id, repeated: true });
      return { ...OK, headers: { 'Idempotent-Replayed': 'true' }, body: before };
    }
    if (outcome.queued === 'full') {
      throw new QueueIsFull(task_type, id);
    }
    if ('pointer' in outcome) {
      const pointer = `/params${outcome.pointer}`;
      throw new InvalidRequest([{ in: 'body', pointer, message: outcome.reason }]);
    }
    throw new AssignmentFailed(task_type, id, outcome);
  };
}

type Answer = components['schemas']['AssignTaskResponse'];

const OK = { status: 200, mediaType: 'application/json' } as const;

/** Pointers into the body as pointers into its params. */
function belowParams(pointers: readonly string[]): string[] {
  return pointers
    .filter((pointer) => /^\/params(\/|$)/.test(pointer))
    .map((pointer) => pointer.slice('/params'.length));
}

const NO_PARAMS = { text: '{}', value: {}, isPlain: true };
