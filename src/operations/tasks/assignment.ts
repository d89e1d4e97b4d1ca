import { v4 as uuid } from 'uuid';
import type { FindUnreadable } from '../../celery/python/unreadable.js';
import type { Task } from '../../celery/wire/message.js';
import type { RoutedTask } from '../../celery/wire/routing.js';
import type { components } from '../../contract/openapi.js';
import type { RequestFault } from '../../errors.js';
import type { JsonDocument } from '../../json/jsonDocument.js';
import { pointerPart } from '../../json/jsonPointer.js';
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
 * Reads a task from a document that fits its schema.
 *
 * @param sensitive JSON pointers into the document, of the values that are not to be shown
 * @param at where the document stands in the request's body, as a JSON pointer
 */
export type ReadAssignment = (
  sent: JsonDocument,
  sensitive: readonly string[],
  at: string,
) => Assignment;

export function createAssignmentReader(
  route: (taskType: string) => RoutedTask,
  unreadableAt: FindUnreadable,
  limits: OptionLimits,
): ReadAssignment {
  return (sent, sensitive, at) => {
    const { task_type: taskType, options } = sent.value as AssignTaskRequest;
    const params = sent.member('params') ?? NO_PARAMS;
    const shown = redacted(params.value, belowParams(sensitive));
    const { name, queue } = route(taskType);
    const inParams = unreadableAt(params);
    const faults = inParams === undefined ? NONE : [unreadable(`${at}/params${inParams}`)];
    if (options === undefined) {
      const id = uuid();
      const task = { id, name, queue, params, shown, priority: 0, options: undefined };
      return { taskType, task, at, faults };
    }
    const read = readTaskOptions(options, sent.member('options')?.text ?? '{}', limits);
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
      const inHeader = unreadableAt({ text, value: undefined, isPlain: true });
      const pointer = `${at}/options/headers${pointerPart(header)}`;
      return inHeader === undefined ? [] : [unreadable(`${pointer}${inHeader}`)];
    });
    return { taskType, task, at, faults: [...faults, ...ofOptions, ...ofHeaders] };
  };
}

const NONE: readonly never[] = [];
const NO_PARAMS = { text: '{}', value: {}, isPlain: true };

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
