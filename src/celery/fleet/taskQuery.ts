import type { Answer } from '../../redis/ask.js';
import { shareNext } from '../../redis/shareNext.js';
import type { Broadcast } from './control.js';
import { fieldsOf, listOf } from '../wire/received.js';

/** A worker's report of a task that it has. */
export interface HeldTask {
  /** The worker's hostname. */
  worker: string;
  /** `_state_of_task` of celery/worker/control.py. */
  state: 'active' | 'reserved' | 'scheduled' | 'ready';
  /** When it began to run, in milliseconds since 1970. */
  startedAt: number | undefined;
  /** The queue in its message. */
  queue: string | undefined;
}

export interface TaskQueryAnswer {
  held: HeldTask | undefined;
  /** How many workers listened, and how many of them answered. */
  listeners: number;
  answered: number;
}

export type QueryTask = (taskId: string) => Promise<Answer<TaskQueryAnswer>>;

/** Tasks that one command asks for. */
const MAXIMUM_TASKS = 200;

/**
 * Returns the function that asks the workers which of them has a task. One command at a time: those that ask
 * meanwhile share the next one. It never rejects.
 */
export function createTaskQuery(broadcast: Broadcast): QueryTask {
  const query = shareNext<undefined, Answer<TaskQueryAnswer>>(MAXIMUM_TASKS, async (asked) => {
    const answer = await broadcast('query_task', { ids: [...asked.keys()] });
    return (taskId) =>
      'reason' in answer
        ? answer
        : {
            value: {
              held: heldTask(taskId, answer.value.byWorker),
              listeners: answer.value.listeners,
              answered: answer.value.byWorker.size,
            },
          };
  });
  return (taskId) => query(taskId, undefined);
}

const STATES = ['active', 'reserved', 'scheduled', 'ready'] as const;

/** Where two workers have a task, delivered again, it is the one that is further. */
function heldTask(taskId: string, byWorker: ReadonlyMap<string, unknown>): HeldTask | undefined {
  const held = [...byWorker].flatMap(([worker, reply]) => {
    const [state, info] = listOf(fieldsOf(reply)[taskId]);
    const known = STATES.find((one) => one === state);
    if (known === undefined) {
      return [];
    }
    const { time_start: start, delivery_info: delivery } = fieldsOf(info);
    const { routing_key: queue } = fieldsOf(delivery);
    return [
      {
        worker,
        state: known,
        startedAt: typeof start === 'number' ? start * 1_000 : undefined,
        queue: typeof queue === 'string' && queue !== '' ? queue : undefined,
      },
    ];
  });
  return held.sort((one, other) => STATES.indexOf(one.state) - STATES.indexOf(other.state))[0];
}
