import type { PreviewTasks, SendTasks } from '../celery/producer.js';
import type { TaskFault } from '../celery/taskFaults.js';
import {
  InvalidRequest,
  Overloaded,
  QueuesAreFull,
  TasksNotAssigned,
  type RequestFault,
} from '../errors.js';
import { itemsOf } from '../json/jsonDocument.js';
import { timestamp } from '../timestamp.js';
import {
  assigned,
  type Assignment,
  type AssignTaskRequest,
  type AssignTaskResponse,
  type CountAssignment,
  type ReadAssignment,
} from './assignment.js';
import { dryRun } from './dryRun.js';
import { answerBefore, claimFor } from './idempotency.js';
import type { Input, Operation, ReplyOf } from './operation.js';
import type { CheckTaskType } from './strictTaskTypes.js';

/**
 * Sends several tasks to the workers, all of them or none. Answers after Redis has acknowledged them, or as
 * it has answered before to the same Idempotency-Key; or tells what it would send. Throws TasksNotAssigned or QueuesAreFull; InvalidRequest,
 * whose faults name each task by its index; IdempotencyKeyReused; Overloaded where too many wait for Redis.
 */
export function createAssignTasks(dependencies: Dependencies): Operation<'assignTasks'> {
  let inFlight = 0;

  return async (input) => {
    const { length } = input.body;
    input.annotate({ tasks: length });
    if (inFlight + length > MAXIMUM_IN_FLIGHT) {
      throw new Overloaded('Too many tasks are in flight', { queued: 'no' });
    }
    inFlight += length;
    try {
      return await assignAll(input, dependencies);
    } finally {
      inFlight -= length;
    }
  };
}

interface Dependencies {
  readAssignment: ReadAssignment;
  sendTasks: SendTasks;
  previewTasks: PreviewTasks;
  /** Undefined where any well-formed type is taken. */
  checkTaskType?: CheckTaskType | undefined;
  /** In milliseconds. */
  timeout: number;
  count: CountAssignment;
}

/**
 * How many tasks of lists wait for Redis at the same time. A task takes up to a hundred times the room of its
 * shortest text, which is all that the bounds of what is in flight count.
 */
const MAXIMUM_IN_FLIGHT = 50_000;

async function assignAll(
  input: Input<'assignTasks'>,
  { readAssignment, sendTasks, previewTasks, checkTaskType, timeout, count }: Dependencies,
): Promise<ReplyOf<'assignTasks'>> {
  const { body, sent, headers, query, client, sensitive, trace, annotate } = input;
  const start = performance.now();
  const sensitiveOf = byIndex(sensitive);
  const assignments = itemsOf(sent).map((item, index) =>
    readAssignment(item.value as AssignTaskRequest, item, sensitiveOf.get(index) ?? []),
  );
  const faults = [
    ...assignments.flatMap((assignment, index) => assignment.faults.map(below(index))),
    ...repeatedIds(assignments),
    ...(checkTaskType === undefined ? [] : await unknownTypes(body, checkTaskType)),
  ];
  if (faults.length > 0) {
    throw invalid(faults);
  }
  if (query.dry_run) {
    annotate({ dry_run: true });
    const plain = assignments.map(({ task }) => task);
    const preview = await dryRun(body, plain, { previewTasks, trace }, timestamp());
    if ('faults' in preview) {
      throw invalid(preview.faults.map(faultInItem));
    }
    return { ...OK, body: preview.answers };
  }
  const sendings = assignments.map(({ task }) => trace?.startSending(task));
  const tasks = assignments.map(({ task }, index) => {
    const sending = sendings[index];
    return sending === undefined ? task : { ...task, traceHeaders: sending.headers };
  });
  const made: Made = { task_ids: tasks.map(({ id }) => id), timestamp: timestamp() };
  const idempotencyKey = headers['Idempotency-Key'];
  const claim =
    idempotencyKey === undefined
      ? undefined
      : claimFor({ client, idempotencyKey, body: sent.text }, made);

  const outcome = await sendTasks(tasks, { milliseconds: timeout, claim });
  const kind = 'faults' in outcome ? 'invalid' : outcome.queued;
  const seconds = (performance.now() - start) / 1_000;
  body.forEach(({ task_type }, index) => {
    sendings[index]?.end(kind);
    count(task_type, kind, seconds);
  });
  if (outcome.queued === 'yes') {
    return { ...OK, body: answersTo(body, made) };
  }
  if (outcome.queued === 'before') {
    const before = answerBefore(outcome.value, sent.text) as Made;
    annotate({ repeated: true });
    const replayed = { 'Idempotent-Replayed': 'true' };
    return { ...OK, headers: replayed, body: answersTo(body, before) };
  }
  if (outcome.queued === 'full') {
    throw new QueuesAreFull(tasks.length);
  }
  if ('faults' in outcome) {
    throw invalid(outcome.faults.map(faultInItem));
  }
  throw new TasksNotAssigned(tasks.length, outcome);
}

/** Each type is asked for once. */
async function unknownTypes(
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

/** What is kept for the same request: all that does not follow from its body. */
interface Made {
  task_ids: readonly string[];
  timestamp: string;
}

const OK = { status: 200, mediaType: 'application/json' } as const;

function answersTo(body: readonly AssignTaskRequest[], made: Made): AssignTaskResponse[] {
  return body.map(({ task_type }, index) =>
    assigned(task_type, made.task_ids[index] ?? '', made.timestamp),
  );
}

/** As many as the contract's errors list. */
const MAXIMUM_FAULTS = 100;

function invalid(faults: readonly RequestFault[]): InvalidRequest {
  return new InvalidRequest(faults.slice(0, MAXIMUM_FAULTS));
}

function faultInItem({ index, pointer, reason }: TaskFault): RequestFault {
  return below(index)({ in: 'body', pointer, message: reason });
}

/** The pointer into an item as one into the list. */
function below(index: number): (fault: RequestFault) => RequestFault {
  return (fault) => ({ ...fault, pointer: `/${index}${fault.pointer}` });
}

/** Tasks of the same id would be one answer for two. */
function repeatedIds(assignments: readonly Assignment[]): RequestFault[] {
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
function byIndex(pointers: readonly string[]): ReadonlyMap<number, string[]> {
  const found = new Map<number, string[]>();
  for (const pointer of pointers) {
    const [, index = '', rest = ''] = /^\/(\d+)(.*)$/s.exec(pointer) ?? [];
    const others = found.get(Number(index)) ?? [];
    others.push(rest);
    found.set(Number(index), others);
  }
  return found;
}
