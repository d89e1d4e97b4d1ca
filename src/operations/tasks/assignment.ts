import { v4 as uuid } from 'uuid';
import type { FindUnreadable } from '../../celery/python/unreadable.js';
import type { Task } from '../../celery/wire/message.js';
import type { RoutedTask } from '../../celery/wire/routing.js';
import type { components } from '../../contract/openapi.js';
import type { RequestFault } from '../../errors.js';
import type { JsonDocument } from '../../json/jsonDocument.js';
import { pointerPart } from '../../json/jsonPointer.js';
import { JsonText } from '../../json/jsonText.js';
import { redacted } from '../../json/redaction.js';
import { readTaskOptions, type OptionLimits } from './taskOptions.js';

export type AssignTaskRequest = components['schemas']['AssignTaskRequest'];

/** A task that is to be sent. */
export interface Assignment {
  taskType: string;
  task: Task;
  /** Where the task stands in the request's body, as a JSON pointer. */
  at: string;
  /** Its faults beyond the schema, by pointers into the body. */
  faults: readonly RequestFault[];
}

/**
 * Reads a task from a request that fits its schema.
 *
 * @param sent the same request as it was sent
 * @param sensitive JSON pointers into the request, of the values that are not to be shown
 * @param at where the request stands in the body, as a JSON pointer
 */
export type ReadAssignment = (
  request: AssignTaskRequest,
  sent: JsonDocument,
  sensitive: readonly string[],
  at: string,
) => Assignment;

export function createAssignmentReader(
  route: (taskType: string) => RoutedTask,
  unreadableAt: FindUnreadable,
  limits: OptionLimits,
): ReadAssignment {
  return ({ task_type: taskType, options }, sent, sensitive, at) => {
    const params = sent.member('params') ?? EMPTY;
    const shown = redacted(params, belowParams(sensitive));
    const { name, queue } = route(taskType);
    const inParams = unreadableAt(params);
    const faults = inParams === undefined ? NONE : [unreadable(`${at}/params${inParams}`)];
    if (options === undefined) {
      const id = uuid();
      const task = { id, name, queue, params, shown, priority: 0, options: undefined };
      return { taskType, task, at, faults };
    }
    const read = readTaskOptions(options, sent.member('options') ?? EMPTY, limits);
    const task = {
      id: options.task_id ?? uuid(),
      name,
      queue: options.queue ?? queue,
      params,
      shown,
      priority: options.priority ?? 0,
      options: read.options,
    };
    const ofOptions = read.faults.map((fault) => ({ ...fault, pointer: `${at}${fault.pointer}` }));
    const ofHeaders = [...read.options.headers].flatMap(([header, text]) => {
      const inHeader = unreadableAt(new JsonText(text));
      const pointer = `${at}/options/headers${pointerPart(header)}`;
      return inHeader === undefined ? [] : [unreadable(`${pointer}${inHeader}`)];
    });
    return { taskType, task, at, faults: [...faults, ...ofOptions, ...ofHeaders] };
  };
}

const NONE: readonly never[] = [];
const EMPTY = new JsonText('{}');

function unreadable(pointer: string): RequestFault {
  const message =
    'has a __type__ and a __value__ in no form that kombu writes, so that a worker may not read it';
  return { in: 'body', pointer, message };
}

/** Pointers into the body as pointers into its params. */
function belowParams(pointers: readonly string[]): readonly string[] {
  return pointers.length === 0
    ? NONE
    : pointers
        .filter((pointer) => /^\/params(\/|$)/.test(pointer))
        .map((pointer) => pointer.slice('/params'.length));
}
