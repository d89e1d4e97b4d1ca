import type { Answer } from '../../redis/ask.js';
import type { FleetView, ViewFleet } from '../../celery/fleet/fleetView.js';
import { nearestTo } from './nearest.js';

/**
 * Says what is wrong with a task type that no live worker has, after the workers were asked. Undefined at once where
 * the type is known already, which costs next to nothing.
 */
export type CheckTaskType = (taskType: string) => Promise<string | undefined> | undefined;

/** An older view of the workers is renewed while the request goes on. */
const FRESH_MS = 5_000;
/** For an older view, the request waits until it is renewed. */
const STALE_MS = 30_000;
/** A type that is not known may be a new worker's: it is refused by no older view. */
const REFUSAL_MS = 1_000;

/**
 * Returns the check of task types against what the live workers have. It refuses nothing where that is not certain:
 * where no worker answers, or not all of them do.
 */
export function createTaskTypeCheck(dependencies: {
  viewFleet: ViewFleet;
  /** The name of the task that a type stands for, and the other way round. */
  nameOf: (taskType: string) => string;
  taskTypeOf: (name: string) => string | undefined;
  /** Called with the reason when types begin to be taken unchecked. */
  onUnchecked: (reason: string) => void;
}): CheckTaskType {
  const { viewFleet, nameOf, taskTypeOf, onUnchecked } = dependencies;
  let known: { view: FleetView; names: ReadonlySet<string> } | undefined;
  let isUnchecked = false;

  /** Workers that do not answer now still have what they last reported: they are busy, not gone. */
  const namesOf = (view: FleetView): ReadonlySet<string> => {
    if (known?.view !== view) {
      const names = view.workers.flatMap(({ tasks }) => tasks);
      const before = whyUncertain({ value: view }) === undefined ? [] : (known?.names ?? []);
      known = { view, names: new Set([...names, ...before]) };
    }
    return known.names;
  };

  const isTaken = (answer: Answer<FleetView>, taskType: string): boolean => {
    if ('value' in answer && namesOf(answer.value).has(nameOf(taskType))) {
      return true;
    }
    const reason = whyUncertain(answer);
    if (reason !== undefined && !isUnchecked) {
      onUnchecked(reason);
    }
    isUnchecked = reason !== undefined;
    return isUnchecked;
  };

  const refusalOf = (taskType: string): string => {
    const names = known?.names ?? new Set();
    // Senders who know Celery may send the name of a task.
    if (names.has(taskType)) {
      const meant = taskTypeOf(taskType);
      return meant === undefined ? sentOtherwise(nameOf(taskType)) : unknownType([meant]);
    }
    const types = [...names].map(taskTypeOf).filter((type) => type !== undefined);
    return unknownType(nearestTo(taskType, types));
  };

  const check = async (taskType: string): Promise<string | undefined> =>
    isTaken(await viewFleet(REFUSAL_MS), taskType) ? undefined : refusalOf(taskType);

  return (taskType) => {
    const view = viewFleet.latest();
    const age = view === undefined ? Infinity : performance.now() - view.askedAt;
    if (view === undefined || age > STALE_MS || !isTaken({ value: view }, taskType)) {
      return check(taskType);
    }
    if (age > FRESH_MS) {
      void viewFleet(FRESH_MS);
    }
    return undefined;
  };
}

function whyUncertain(answer: Answer<FleetView>): string | undefined {
  if ('reason' in answer) {
    return answer.reason;
  }
  const { listeners, workers, isComplete } = answer.value;
  if (listeners === 0 || workers.length === 0) {
    return 'no worker answers';
  }
  return isComplete ? undefined : 'not all workers answer';
}

function sentOtherwise(name: string): string {
  return `is sent as ${name}, which no live worker has; TASK_NAMESPACES says what is sent as it is`;
}

function unknownType(nearest: readonly string[]): string {
  const hint = nearest.length === 0 ? '' : `; did you mean ${nearest.join(' or ')}?`;
  return `is a type that no live worker has${hint}`;
}
