import { notAssigned, queueFull } from '../../errors.js';
import type { Operation } from '../operation.js';
import { assignedAnswer, type Assign } from './assign.js';
import type { ReadAssignment } from './assignment.js';

/**
 * Sends a task to the workers. Answers after Redis has acknowledged it, or as it has answered before to the
 * same Idempotency-Key; or tells what it would send. Throws what Assign throws; notAssigned or queueFull.
 */
export function createAssignTask(
  readAssignment: ReadAssignment,
  assign: Assign,
): Operation<'assignTask'> {
  return async (input) => {
    const { body: request, sent, sensitive, annotate } = input;
    const assignment = readAssignment(request, sent, sensitive, '');
    const { taskType, task } = assignment;
    annotate({ task_id: task.id, task_type: taskType });
    const outcome = await assign([assignment], {
      input,
      keptAt: (timestamp) => assignedAnswer(taskType, task.id, timestamp),
      failure: (outcome) =>
        outcome.fate === 'full'
          ? queueFull(`Task '${taskType}' could not be assigned: its queue is full`, task.id)
          : notAssigned(`Task '${taskType}'`, outcome, task.id),
    });
    if ('previews' in outcome) {
      const [body] = outcome.previews;
      if (body === undefined) {
        throw new Error('A dry run did not tell of its task');
      }
      return { status: 200, mediaType: 'application/json', body };
    }
    const { kept: body, headers } = outcome;
    annotate({ task_id: body.task_id });
    return { status: 200, mediaType: 'application/json', headers, body };
  };
}
