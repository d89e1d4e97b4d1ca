import type { CountAssignment, CountedFate, Outcome } from '../../celery/producing/fate.js';
import type { Producer } from '../../celery/producing/client.js';
import type { components } from '../../contract/openapi.js';
import { invalidRequest, type RequestFault } from '../../errors.js';
import { timestamp } from '../../timestamp.js';
import type { Input } from '../operation.js';
import type { Assignment } from './assignment.js';
import { dryRun, type DryRunResponse } from './dryRun.js';
import { answerBefore, claimFor } from './idempotency.js';
import type { CheckTaskType } from './strictTaskTypes.js';

export type AssignTaskResponse = components['schemas']['AssignTaskResponse'];

/** The parts in which the two routes that assign tasks differ. */
export interface AssignmentRoute<Kept extends object> {
  input: Pick<Input<'assignTask'>, 'sent' | 'headers' | 'query' | 'client' | 'trace' | 'annotate'>;
  /** The answer's content, which is kept for requests with the same Idempotency-Key. */
  keptAt: (timestamp: string) => Kept;
  /** The error of tasks that are not in their queues. */
  failure: (outcome: Exclude<Outcome, { fate: 'assigned' | 'repeated' }>) => Error;
}

/**
 * Assigns these tasks, all of them or none: checks them; then tells what would be sent, or sends them and waits for
 * Redis. Answers as before where the request's Idempotency-Key was used before.
 *
 * Throws invalidRequest, which lists the faults of all tasks; idempotencyKeyReused; or the route's failure.
 */
export type Assign = <Kept extends object>(
  assignments: readonly Assignment[],
  route: AssignmentRoute<Kept>,
) => Promise<Assigned<Kept> | { previews: readonly DryRunResponse[] }>;

interface Assigned<Kept> {
  kept: Kept;
  /** Headers of the answer. */
  headers: Readonly<Record<string, string>>;
}

export function createAssign(dependencies: {
  producer: Producer;
  /** Undefined where any well-formed type is taken. */
  checkTaskType?: CheckTaskType | undefined;
  /** In milliseconds. */
  timeout: number;
  count: CountAssignment;
}): Assign {
  const { producer, checkTaskType, timeout, count } = dependencies;

  return async (assignments, { input, keptAt, failure }) => {
    const { sent, headers, query, client, trace, annotate } = input;
    const start = performance.now();
    const countAll = (fate: CountedFate): void => {
      const seconds = (performance.now() - start) / 1_000;
      for (const { taskType } of assignments) {
        count(taskType, fate, seconds);
      }
    };

    const faults = faultsOf(assignments);
    if (checkTaskType !== undefined) {
      const asked = askedTypes(assignments, checkTaskType);
      if (asked.size > 0) {
        faults.push(...(await unknownTypes(assignments, asked)));
      }
    }
    if (faults.length > 0) {
      if (!query.dry_run) {
        countAll('invalid');
      }
      throw invalidRequest(faults);
    }

    // A sending that never ends, such as a dry run's, is never reported.
    const sendings = assignments.map(({ task }) => trace?.startSending(task));
    const tasks = assignments.map(({ task }, index) => {
      const sending = sendings[index];
      return sending === undefined ? task : { ...task, traceHeaders: sending.headers };
    });
    if (query.dry_run) {
      annotate({ dry_run: true });
      return { previews: dryRun(assignments, await producer.preview(tasks), timestamp()) };
    }

    const kept = keptAt(timestamp());
    const idempotencyKey = headers['Idempotency-Key'];
    const claim =
      idempotencyKey === undefined
        ? undefined
        : claimFor({ client, idempotencyKey, body: sent.bytes }, kept);
    // The wait for the workers is taken from Redis's time, so that the client is answered in time.
    const milliseconds = timeout - (performance.now() - start);
    const outcome = await producer.send(tasks, { milliseconds, claim });
    for (const sending of sendings) {
      sending?.end(outcome.fate);
    }
    countAll(outcome.fate);
    switch (outcome.fate) {
      case 'assigned':
        return { kept, headers: {} };
      case 'repeated':
        annotate({ repeated: true });
        return {
          kept: answerBefore(outcome.value, sent.bytes) as typeof kept,
          headers: { 'Idempotent-Replayed': 'true' },
        };
      default:
        throw failure(outcome);
    }
  };
}

/** The answer for a task that is in its queue. */
export function assignedAnswer(
  taskType: string,
  id: string,
  timestamp: string,
): AssignTaskResponse {
  return {
    task_id: id,
    status: 'assigned',
    message: `Task '${taskType}' successfully assigned`,
    timestamp,
  };
}

/** The faults of each task, and then those of tasks whose id is that of a task before them. */
function faultsOf(assignments: readonly Assignment[]): RequestFault[] {
  const faults: RequestFault[] = [];
  const repeated: RequestFault[] = [];
  const ids = new Set<string>();
  for (const { task, at, faults: own } of assignments) {
    faults.push(...own);
    if (ids.has(task.id)) {
      const pointer = `${at}/options/task_id`;
      repeated.push({ in: 'body', pointer, message: 'is that of a task before it' });
    }
    ids.add(task.id);
  }
  faults.push(...repeated);
  return faults;
}

/** The types that have to wait for the workers' answer, each asked once. */
function askedTypes(
  assignments: readonly Assignment[],
  checkTaskType: CheckTaskType,
): ReadonlyMap<string, Promise<string | undefined>> {
  const asked = new Map<string, Promise<string | undefined>>();
  for (const { taskType } of assignments) {
    const answer = asked.has(taskType) ? undefined : checkTaskType(taskType);
    if (answer !== undefined) {
      asked.set(taskType, answer);
    }
  }
  return asked;
}

async function unknownTypes(
  assignments: readonly Assignment[],
  asked: ReadonlyMap<string, Promise<string | undefined>>,
): Promise<RequestFault[]> {
  const faults: RequestFault[] = [];
  for (const { taskType, at } of assignments) {
    const message = await asked.get(taskType);
    if (message !== undefined) {
      faults.push({ in: 'body', pointer: `${at}/task_type`, message });
    }
  }
  return faults;
}
