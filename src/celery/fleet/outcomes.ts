import type { ReceivedEvent } from '../wire/receivedEvents.js';

/** The states of Celery's in which a run of a task ends, as its worker tells it. */
export type EndState = 'SUCCESS' | 'FAILURE' | 'REVOKED' | 'REJECTED';

/** Told of each thing that happens to a task. Its name is undefined where no event has told it. */
export interface CountOutcomes {
  /** @param runSeconds how long it ran; undefined where that is not known, or it did not */
  ended: (name: string | undefined, state: EndState, runSeconds: number | undefined) => void;
  retried: (name: string | undefined) => void;
  /** It has begun, so long after it was sent. Not told of tasks with an eta, nor when it runs again. */
  waited: (name: string | undefined, seconds: number) => void;
}

const END_STATES: Readonly<Record<string, EndState>> = {
  'task-succeeded': 'SUCCESS',
  'task-failed': 'FAILURE',
  'task-revoked': 'REVOKED',
  'task-rejected': 'REJECTED',
};

/** Bound of the tasks that are followed: of those that have been forgotten, the name and the wait are not known. */
const MOST_TASKS = 100_000;
const FORGOTTEN_AT_ONCE = 10_000;

/** Returns the function that puts together what single events tell of a task. */
export function createOutcomes(count: CountOutcomes): (event: ReceivedEvent) => void {
  const tasks = new Map<string, FollowedTask>();

  const follow = (taskId: string): FollowedTask => {
    const known = tasks.get(taskId);
    if (known !== undefined) {
      return known;
    }
    const task: FollowedTask = { name: undefined, sentAt: undefined, startedAt: undefined };
    tasks.set(taskId, task);
    if (tasks.size > MOST_TASKS) {
      // Many at once: to look for the oldest costs as much as to walk over all that have been deleted.
      for (const oldest of [...tasks.keys()].slice(0, FORGOTTEN_AT_ONCE)) {
        tasks.delete(oldest);
      }
    }
    return task;
  };

  return (event) => {
    const { type, taskId, timestamp } = event;
    // A task that rejects itself for good has failed before, by Celery's own events.
    const isNoEnd = type === 'task-rejected' && (event.isRequeued || !tasks.has(taskId ?? ''));
    if (taskId === undefined || isNoEnd) {
      return;
    }
    const task = follow(taskId);
    task.name ??= event.name;
    const end = END_STATES[type];
    if (end !== undefined) {
      tasks.delete(taskId);
      count.ended(task.name, end, event.runSeconds ?? between(task.startedAt, timestamp));
    } else if (type === 'task-sent') {
      // Heard after the start, it would make a wait of the run.
      task.sentAt = event.hasEta || task.startedAt !== undefined ? undefined : performance.now();
    } else if (type === 'task-started') {
      task.startedAt = timestamp;
      if (task.sentAt !== undefined) {
        count.waited(task.name, (performance.now() - task.sentAt) / 1_000);
        task.sentAt = undefined;
      }
    } else if (type === 'task-retried') {
      task.startedAt = undefined;
      count.retried(task.name);
    }
  };
}

interface FollowedTask {
  name: string | undefined;
  /** By this service's clock: the sender's and the worker's may differ. */
  sentAt: number | undefined;
  /** By the worker's clock, in seconds. */
  startedAt: number | undefined;
}

function between(start: number | undefined, end: number | undefined): number | undefined {
  return start === undefined || end === undefined ? undefined : Math.max(0, end - start);
}
