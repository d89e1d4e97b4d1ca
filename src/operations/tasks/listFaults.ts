import type { TaskFault } from '../../celery/producing/unreadable.js';
import { InvalidRequest, type RequestFault } from '../../errors.js';
import type { Assignment, AssignTaskRequest } from './assignment.js';
import type { CheckTaskType } from './strictTaskTypes.js';

/** As many as the contract's errors list. */
const MAXIMUM_FAULTS = 100;

/** At least one fault. */
export function invalid(faults: readonly RequestFault[]): InvalidRequest {
  return new InvalidRequest(faults.slice(0, MAXIMUM_FAULTS));
}

/** What no worker could read, as a fault of the list. */
export function faultInItem({ index, pointer, reason }: TaskFault): RequestFault {
  return below(index)({ in: 'body', pointer, message: reason });
}

/** The pointer into an item as one into the list. */
export function below(index: number): (fault: RequestFault) => RequestFault {
  return (fault) => ({ ...fault, pointer: `/${index}${fault.pointer}` });
}

/** Tasks of the same id would be one answer for two. */
export function repeatedIds(assignments: readonly Assignment[]): RequestFault[] {
  const seen = new Set<string>();
  return assignments.flatMap(({ task }, index) =>
    seen.size === seen.add(task.id).size
      ? [
          {
            in: 'body',
            pointer: `/${index}/options/task_id`,
            message: 'is that of a task before it',
          },
        ]
      : [],
  );
}

/** Pointers into a list, as pointers into its items. */
export function byIndex(pointers: readonly string[]): ReadonlyMap<number, string[]> {
  const found = new Map<number, string[]>();
  for (const pointer of pointers) {
    const [, index = '', rest = ''] = /^\/(\d+)(.*)$/s.exec(pointer) ?? [];
    const others = found.get(Number(index)) ?? [];
    others.push(rest);
    found.set(Number(index), others);
  }
  return found;
}

/** Each type is asked for once. */
export async function unknownTypes(
  body: readonly AssignTaskRequest[],
  checkTaskType: CheckTaskType,
): Promise<readonly RequestFault[]> {
  const faultsByType = new Map<string, readonly RequestFault[]>();
  for (const { task_type } of body) {
    if (!faultsByType.has(task_type)) {
      faultsByType.set(task_type, await faultsOf(checkTaskType, task_type));
    }
  }
  return body.flatMap(({ task_type }, index) =>
    (faultsByType.get(task_type) ?? []).map(below(index)),
  );
}

async function faultsOf(
  checkTaskType: CheckTaskType,
  taskType: string,
): Promise<readonly RequestFault[]> {
  try {
    await checkTaskType(taskType);
    return [];
  } catch (error) {
    if (error instanceof InvalidRequest) {
      return error.details?.errors ?? [];
    }
    throw error;
  }
}
