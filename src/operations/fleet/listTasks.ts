import type { ViewFleet, WorkerView } from '../../celery/fleet/fleetView.js';
import type { components } from '../../contract/openapi.js';
import { brokerUnavailable } from '../../errors.js';
import { timestamp } from '../../timestamp.js';
import type { Operation } from '../operation.js';

/** For how long an answer of the workers holds, in milliseconds: the contract names it. */
export const FLEET_VIEW_AGE_MS = 3_000;

/** Lists the tasks of the live workers, or throws brokerUnavailable. */
export function createListTasks(dependencies: {
  viewFleet: ViewFleet;
  /** Undefined where no type stands for a task. */
  taskTypeOf: (name: string) => string | undefined;
}): Operation<'listTasks'> {
  const { viewFleet, taskTypeOf } = dependencies;

  return async () => {
    const view = await viewFleet(FLEET_VIEW_AGE_MS);
    if ('reason' in view) {
      throw brokerUnavailable('The workers could not be asked', view);
    }
    const { workers, askedAt } = view.value;
    const names = [...new Set(workers.flatMap(({ tasks }) => tasks))].sort();
    return {
      status: 200,
      mediaType: 'application/json',
      headers: { Age: String(Math.floor((performance.now() - askedAt) / 1_000)) },
      body: {
        available_tasks: names,
        tasks: names.map((name) => availableTask(name, workers, taskTypeOf(name))),
        workers: workers.map(({ hostname, queues }) => ({ hostname, queues: [...queues] })),
        timestamp: timestamp(),
      },
    };
  };
}

function availableTask(
  name: string,
  workers: readonly WorkerView[],
  taskType: string | undefined,
): components['schemas']['AvailableTask'] {
  const own = workers.filter(({ tasks }) => tasks.includes(name));
  return {
    name,
    ...(taskType !== undefined && { task_type: taskType }),
    workers: own.map(({ hostname }) => hostname),
    queues: [...new Set(own.flatMap(({ queues }) => queues))].sort(),
  };
}
