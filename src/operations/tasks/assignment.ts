import { v4 as uuid } from 'uuid';
import type { Task } from '../../celery/wire/message.js';
import type { Fate } from '../../celery/producing/fate.js';
import type { RoutedTask } from '../../celery/wire/routing.js';
import type { components } from '../../contract/openapi.js';
import type { RequestFault } from '../../errors.js';
import type { JsonDocument } from '../../json/jsonDocument.js';
import { redacted } from '../../json/redaction.js';
import { readTaskOptions, type OptionLimits } from './taskOptions.js';

export type AssignTaskRequest = components['schemas']['AssignTaskRequest'];
export type AssignTaskResponse = components['schemas']['AssignTaskResponse'];

/** Counts what became of a task, and how long that took; `invalid` is what no worker could read. */
export type CountAssignment = (taskType: string, fate: Fate | 'invalid', seconds: number) => void;

/** A task that is to be sent, and what is wrong with it, by pointers into its request. */
export interface Assignment {
  task: Task;
  faults: readonly RequestFault[];
}

/**
 * Makes a task of what was sent, which fits its schema.
 *
 * @param sensitive JSON pointers of its values that are not to be shown
 */
export type ReadAssignment = (
  body: AssignTaskRequest,
  sent: JsonDocument,
  sensitive: readonly string[],
) => Assignment;

export function createAssignmentReader(
  route: (taskType: string) => RoutedTask,
  limits: OptionLimits,
): ReadAssignment {
  return ({ task_type, options }, sent, sensitive) => {
    const params = sent.member('params') ?? NO_PARAMS;
    const shown = redacted(params.value, belowParams(sensitive));
    const { name, queue } = route(task_type);
    if (options === undefined) {
      const id = uuid();
      const task = { id, name, queue, params, shown, priority: 0, options: undefined };
      return { task, faults: NONE };
    }
    const read = readTaskOptions(options, sent.member('options')?.text ?? '{}', limits);
    return {
      task: {
        id: options.task_id ?? uuid(),
        name,
        queue: options.queue ?? queue,
        params,
        shown,
        priority: options.priority ?? 0,
        options: read.options,
      },
      faults: read.faults,
    };
  };
}

/** The answer for a task that is in its queue. */
export function assigned(taskType: string, id: string, timestamp: string): AssignTaskResponse {
  return {
    task_id: id,
    status: 'assigned',
    message: `Task '${taskType}' successfully assigned`,
    timestamp,
  };
}

const NONE: readonly never[] = [];

/** Pointers into the body as pointers into its params. */
function belowParams(pointers: readonly string[]): readonly string[] {
  return pointers.length === 0
    ? NONE
    : pointers
        .filter((pointer) => /^\/params(\/|$)/.test(pointer))
        .map((pointer) => pointer.slice('/params'.length));
}

const NO_PARAMS = { text: '{}', value: {}, isPlain: true };
