import type { FleetView, ViewFleet } from '../../celery/fleet/fleetView.js';
import type { FindMessage } from '../../celery/queues/messageSearch.js';
import type { ReadResult, TaskStatus } from '../../celery/results/results.js';
import type { MessagePlace } from '../../celery/queues/searchPass.js';
import type { HeldTask, QueryTask, TaskQueryAnswer } from '../../celery/fleet/taskQuery.js';
import { brokerUnavailable, resultUnavailable } from '../../errors.js';
import {
  explainAbsent,
  explainFinal,
  explainHeld,
  explainTaken,
  explainWaiting,
  type Explanation,
} from './explanation.js';
import { consumersOf, knownQueues } from '../fleet/listQueues.js';
import { FLEET_VIEW_AGE_MS } from '../fleet/listTasks.js';
import type { Operation } from '../operation.js';

/** Says why a task has no result yet, or throws brokerUnavailable or resultUnavailable. */
export function createExplainTask(dependencies: {
  readResult: ReadResult;
  findMessage: FindMessage;
  queryTask: QueryTask;
  viewFleet: ViewFleet;
  /** Queues that tasks are sent to. */
  queues: () => readonly string[];
  /** In milliseconds, for the result. */
  timeout: number;
}): Operation<'explainTask'> {
  const { readResult, findMessage, queryTask, viewFleet, queues, timeout } = dependencies;

  const statusOf = async (taskId: string): Promise<TaskStatus> => {
    const read = await readResult(taskId, timeout);
    if ('reason' in read) {
      throw resultUnavailable(UNEXPLAINED, read, taskId);
    }
    return read.status;
  };
  const fleetNow = async (): Promise<FleetView | undefined> => {
    const view = await viewFleet(FLEET_VIEW_AGE_MS);
    return 'value' in view ? view.value : undefined;
  };
  const placeOf = async (taskId: string, fleet: FleetView | undefined): Promise<MessagePlace> => {
    const found = await findMessage(taskId, knownQueues(queues(), fleet));
    if ('reason' in found) {
      throw brokerUnavailable(UNEXPLAINED, found, taskId);
    }
    return found.value;
  };
  /** Workers that can't be asked are left out: the result and the queues tell something too. */
  const workersWith = async (taskId: string): Promise<TaskQueryAnswer> => {
    const asked = await queryTask(taskId);
    return 'value' in asked ? asked.value : { held: undefined, listeners: 0, answered: 0 };
  };

  /**
   * A task moves on while it is looked for: from its queue to a worker, and then to its result. So they are
   * looked at in this order, and twice, as one that is delivered again moves back. Workers that are silent
   * are asked once.
   */
  const explain = async (taskId: string): Promise<Explanation> => {
    let status = await statusOf(taskId);
    let place: MessagePlace = { unsearched: [] };
    let asked: TaskQueryAnswer = { held: undefined, listeners: 0, answered: 0 };
    for (let turn = 0; turn < 2; turn += 1) {
      const final = explainFinal(status);
      if (final !== undefined) {
        return final;
      }
      const fleet = await fleetNow();
      place = await placeOf(taskId, fleet);
      if (place.waiting !== undefined) {
        return explainWaiting(place.waiting, status, consumersOf(place.waiting.queue, fleet));
      }
      if (asked.answered >= asked.listeners) {
        asked = await workersWith(taskId);
      }
      if (asked.held !== undefined && (turn > 0 || isSeen(asked.held, place))) {
        return explainHeld(asked.held, place.taken, status);
      }
      if (place.taken !== undefined) {
        return explainTaken(place.taken, status);
      }
      status = await statusOf(taskId);
    }
    return explainFinal(status) ?? explainAbsent(status, place.unsearched);
  };

  return async ({ pathParameters: { task_id }, annotate }) => {
    annotate({ task_id });
    const explanation = await explain(task_id);
    annotate({ task_state: explanation.state });
    return {
      status: 200,
      mediaType: 'application/json',
      body: { task_id, ...explanation },
    };
  };
}

/** Whether the message of what does not run yet is there: it may come after it was looked for. */
function isSeen({ state }: HeldTask, { taken }: MessagePlace): boolean {
  return state === 'active' || (state === 'scheduled' ? taken?.eta : taken) !== undefined;
}

const UNEXPLAINED = 'The task could not be explained';
