import { v4 as uuid } from 'uuid';
import type { KombuReading } from '../../celery/python/unreadable.js';
import type { Task } from '../../celery/wire/message.js';
import type { RoutedTask } from '../../celery/wire/routing.js';
import type { components } from '../../contract/openapi.js';
import type { RequestFault } from '../../errors.js';
import type { JsonDocument } from '../../json/jsonDocument.js';
import { pointerPart } from '../../json/jsonPointer.js';
import { JsonText } from '../../json/jsonText.js';
import { readTaskArguments, unreadable } from './taskArguments.js';
import { readTaskOptions, withDefaults, type OptionLimits } from './taskOptions.js';

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
  kombu: KombuReading,
  limits: OptionLimits,
  /** The options of tasks of a type whose request brings none of their own. */
  defaultsOf: (taskType: string) => AssignTaskRequest['options'],
  /** Of tasks for which nothing says a priority. */
  defaultPriority: number,
): ReadAssignment {
  return (request, sent, sensitive, at) => {
    const { task_type: taskType } = request;
    const defaults = defaultsOf(taskType);
    const options =
      defaults === undefined ? request.options : withDefaults(request.options ?? {}, defaults);
    const { name, queue, paramsAs, refusal } = route(taskType);
    const read = readTaskArguments(request, sent, paramsAs, sensitive, kombu);
    const { shown } = read;
    const faults = refusal === undefined ? read.faults : [refused(refusal), ...read.faults];
    if (options === undefined) {
      const id = uuid();
      const args = read.arguments;
      const task = { id, name, queue, arguments: args, shown, priority: defaultPriority, options };
      return { taskType, task, at, faults: below(at, faults) };
    }
    const ofOptions = readTaskOptions(options, sent.member('options') ?? EMPTY, limits);
    const task = {
      id: options.task_id ?? uuid(),
      name,
      queue: options.queue ?? queue,
      arguments: read.arguments,
      shown,
      priority: options.priority ?? defaultPriority,
      options: ofOptions.options,
    };
    const ofHeaders = [...ofOptions.options.headers].flatMap(([header, text]) =>
      unreadable(`/options/headers${pointerPart(header)}`, kombu.unreadableAt(new JsonText(text))),
    );
    const all = [...faults, ...ofOptions.faults, ...ofHeaders];
    return { taskType, task, at, faults: below(at, all) };
  };
}

const NONE: readonly never[] = [];
const EMPTY = new JsonText('{}');

function refused(message: string): RequestFault {
  return { in: 'body', pointer: '/task_type', message };
}

/** Faults by pointers into a request, which stands at this pointer, as faults by pointers into the body. */
function below(at: string, faults: readonly RequestFault[]): readonly RequestFault[] {
  return faults.length === 0
    ? NONE
    : faults.map((fault) => ({ ...fault, pointer: `${at}${fault.pointer}` }));
}
