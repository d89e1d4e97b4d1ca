import { v4 as uuid } from 'uuid';
import type { SendTask } from '../celery/producer.js';
import type { RoutedTask } from '../celery/routing.js';
import { AssignmentFailed, InvalidRequest } from '../errors.js';
import { redacted } from '../json/redaction.js';
import type { Operation } from './operation.js';

/**
 * Sends a task to the workers. Answers after Redis has acknowledged it, or throws AssignmentFailed;
 * InvalidRequest for params that no worker could read.
 */
export function createAssignTask(dependencies: {
  route: (taskType: string) => RoutedTask;
  sendTask: SendTask;
  /** In milliseconds. */
  timeout: number;
}): Operation<'assignTask'> {
  const { route, sendTask, timeout } = dependencies;

  return async ({ body, sent, sensitive, annotate }) => {
    const id = uuid();
    annotate({ task_id: id, task_type: body.task_type });
    const params = sent.member('params') ?? NO_PARAMS;
    const shown = redacted(params.value, belowParams(sensitive));
    const task = { id, ...route(body.task_type), params, shown, priority: 0 };
    const outcome = await sendTask(task, { milliseconds: timeout });
    if ('pointer' in outcome) {
      const pointer = `/params${outcome.pointer}`;
      throw new InvalidRequest([{ in: 'body', pointer, message: outcome.reason }]);
    }
    if (outcome.queued === 'no' || outcome.queued === 'unknown') {
      throw new AssignmentFailed(body.task_type, id, outcome);
    }
    return {
      status: 200,
      mediaType: 'application/json',
      body: {
        task_id: id,
        status: 'assigned',
        message: `Task '${body.task_type}' successfully assigned`,
        timestamp: new Date().toISOString(),
      },
    };
  };
}

/** Pointers into the body as pointers into its params. */
function belowParams(pointers: readonly string[]): string[] {
  return pointers
    .filter((pointer) => /^\/params(\/|$)/.test(pointer))
    .map((pointer) => pointer.slice('/params'.length));
}

const NO_PARAMS = { text: '{}', value: {}, isPlain: true };
