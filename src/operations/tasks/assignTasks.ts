import { invalidRequest, overloaded, notAssigned, queueFull } from '../../errors.js';
import type { Input, Operation, ReplyOf } from '../operation.js';
import { assignedAnswer, type Assign } from './assign.js';
import type { ReadAssignment } from './assignment.js';

/**
 * Sends several tasks to the workers, all of them or none. Answers after Redis has acknowledged them, or as
 * it has answered before to the same Idempotency-Key; or tells what it would send. Throws what Assign throws;
 * notAssigned or queueFull; overloaded where too many wait for Redis.
 */
export function createAssignTasks(
  readAssignment: ReadAssignment,
  assign: Assign,
): Operation<'assignTasks'> {
  let inFlight = 0;

  return async (input) => {
    const { length } = input.body;
    input.annotate({ tasks: length });
    if (inFlight + length > MAXIMUM_IN_FLIGHT) {
      throw overloaded('Too many tasks are in flight', { queued: 'no' });
    }
    inFlight += length;
    try {
      return await assignAll(input, readAssignment, assign);
    } finally {
      inFlight -= length;
    }
  };
}

/**
 * How many tasks of lists wait for Redis at the same time. A task takes up to a hundred times the room of its
 * shortest text, which is all that the bounds of what is in flight count; and V8 lets its heap grow to four
 * times what lives in it.
 */
const MAXIMUM_IN_FLIGHT = 20_000;

/** An answer may be a hundred times as large as its request, and is kept until its client has read it. */
const MAXIMUM_DRY_RUNS = 20;

async function assignAll(
  input: Input<'assignTasks'>,
  readAssignment: ReadAssignment,
  assign: Assign,
): Promise<ReplyOf<'assignTasks'>> {
  const { body: requests, sent, query } = input;
  if (query.dry_run && requests.length > MAXIMUM_DRY_RUNS) {
    const message = `must NOT have more than ${MAXIMUM_DRY_RUNS} items with dry_run`;
    throw invalidRequest([{ in: 'body', pointer: '', message }]);
  }
  const sensitiveOf = byIndex(input.sensitive);
  const assignments = requests.map((request, index) => {
    const item = sent.items?.[index];
    if (item === undefined) {
      throw new Error('A list has other items than its value');
    }
    return readAssignment(request, item, sensitiveOf.get(index) ?? [], `/${index}`);
  });
  const what = assignments.length === 1 ? 'The task' : `The ${assignments.length} tasks`;
  const outcome = await assign(assignments, {
    input,
    // All that does not follow from the body.
    keptAt: (timestamp) => ({ task_ids: assignments.map(({ task }) => task.id), timestamp }),
    failure: (outcome) =>
      outcome.fate === 'full'
        ? queueFull(`${what} could not be assigned: their queues have no room for all of them`)
        : notAssigned(what, outcome),
  });
  if ('previews' in outcome) {
    return { status: 200, mediaType: 'application/json', body: [...outcome.previews] };
  }
  const { kept, headers } = outcome;
  const body = requests.map(({ task_type }, index) =>
    assignedAnswer(task_type, kept.task_ids[index] ?? '', kept.timestamp),
  );
  return { status: 200, mediaType: 'application/json', headers, body };
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
