import { v4 as uuid } from 'uuid';
import type { SendTask } from '../celery/producer.js';
import type { RoutedTask } from '../celery/routing.js';
import { AssignmentFailed } from '../errors.js';
import type { Operation } from './operation.js';

/** Sends a task to the workers. Answers after Redis has acknowledged it, or throws AssignmentFailed. */
export function createAssignTask(dependencies: {
  route: (taskType: string) => RoutedTask;
  sendTask: SendTask;
  /** In milliseconds. */
  timeout: number;
}): Operation<'assignTask'> {
  const { route, sendTask, timeout } = dependencies;

  return async ({ body, annotate }) => {
    const id = uuid();
    annotate({ task_id: id, task_type: body.task_type });
    const task = { id, ...route(body.task_type), args: [body.params ?? {}], kwargs: {} };
    const outcome = await sendTask(task, timeout);
    if (outcome.queued !== 'yes') {
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
