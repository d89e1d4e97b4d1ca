import type { PreviewTasks, SendTasks } from '../../celery/producing/producer.js';
import { Overloaded, QueuesAreFull, TasksNotAssigned } from '../../errors.js';
import { itemsOf } from '../../json/jsonDocument.js';
import { timestamp } from '../../timestamp.js';
import {
  assigned,
  type AssignTaskRequest,
  type AssignTaskResponse,
  type CountAssignment,
  type ReadAssignment,
} from './assignment.js';
import { dryRun } from './dryRun.js';
import { answerBefore, claimFor } from './idempotency.js';
import { below, byIndex, faultInItem, invalid, repeatedIds, unknownTypes } from './listFaults.js';
import type { Input, Operation, ReplyOf } from '../operation.js';
import type { CheckTaskType } from './strictTaskTypes.js';

/**
 * Sends several tasks to the workers, all of them or none. Answers after Redis has acknowledged them, or as
 * it has answered before to the same Idempotency-Key; or tells what it would send. Throws TasksNotAssigned or
 * QueuesAreFull; InvalidRequest, whose faults name each task by its index; IdempotencyKeyReused; Overloaded
 * where too many wait for Redis.
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

/** An answer may be a hundred times as large as its request, and is kept until its client has read it. */
const MAXIMUM_DRY_RUNS = 20;

async function assignAll(
  input: Input<'assignTasks'>,
  { readAssignment, sendTasks, previewTasks, checkTaskType, timeout, count }: Dependencies,
): Promise<ReplyOf<'assignTasks'>> {
  const { body, sent, headers, query, client, sensitive, trace, annotate } = input;
  if (query.dry_run && body.length > MAXIMUM_DRY_RUNS) {
    const message = `must NOT have more than ${MAXIMUM_DRY_RUNS} items with dry_run`;
    throw invalid([{ in: 'body', pointer: '', message }]);
  }
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
  const fate = 'faults' in outcome ? 'invalid' : outcome.fate;
  const seconds = (performance.now() - start) / 1_000;
  body.forEach(({ task_type }, index) => {
    sendings[index]?.end(fate);
    count(task_type, fate, seconds);
  });
  if (outcome.fate === 'assigned') {
    return { ...OK, body: answersTo(body, made) };
  }
  if (outcome.fate === 'repeated') {
    const before = answerBefore(outcome.value, sent.text) as Made;
    annotate({ repeated: true });
    const replayed = { 'Idempotent-Replayed': 'true' };
    return { ...OK, headers: replayed, body: answersTo(body, before) };
  }
  if (outcome.fate === 'full') {
    throw new QueuesAreFull(tasks.length);
  }
  if ('faults' in outcome) {
    throw invalid(outcome.faults.map(faultInItem));
  }
  const queued = outcome.fate === 'refused' ? 'no' : 'unknown';
  throw new TasksNotAssigned(tasks.length, { ...outcome, queued });
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
