import { createBroadcast } from '../celery/fleet/control.js';
import type { Heartbeats } from '../celery/fleet/heartbeats.js';
import { createFleetView } from '../celery/fleet/fleetView.js';
import { createMessageSearch } from '../celery/queues/messageSearch.js';
import { createDepthReader } from '../celery/queues/depths.js';
import type { ReadResult } from '../celery/results/results.js';
import { createRevoke } from '../celery/fleet/revoking.js';
import { createTaskTypes, type RoutedTask } from '../celery/wire/routing.js';
import { createTaskQuery } from '../celery/fleet/taskQuery.js';
import { createWorkerCommands } from '../celery/fleet/workerCommands.js';
import { createWorkersView } from '../celery/fleet/workersView.js';
import type { Config } from '../config/config.js';
import type { Log } from '../log/log.js';
import type { LaterConnection } from '../redis/open.js';
import { createExplainTask } from '../operations/tasks/explainTask.js';
import { createWorkerControl } from '../operations/fleet/controlWorker.js';
import { createListQueues } from '../operations/fleet/listQueues.js';
import { createListTasks } from '../operations/fleet/listTasks.js';
import { createListWorkers } from '../operations/fleet/listWorkers.js';
import type { Operations } from '../operations/operation.js';
import { createRevokeTask } from '../operations/tasks/revokeTask.js';
import { createTaskTypeCheck, type CheckTaskType } from '../operations/tasks/strictTaskTypes.js';
import type { RedisPatience } from './taskOperations.js';

/** Creates the operations that ask queues and workers, and with STRICT_TASK_TYPES the check of task types. */
export function createWorkerOperations(
  config: Config,
  log: Log,
  parts: {
    /** A connection of its own, so that no task and no result waits behind a search through a queue. */
    control: LaterConnection;
    heartbeats: Heartbeats;
    route: (taskType: string) => RoutedTask;
    /** The queues that tasks are sent to. */
    queues: () => readonly string[];
    readResult: ReadResult;
    patience: RedisPatience;
  },
): {
  operations: Pick<
    Operations,
    'listTasks' | 'revokeTask' | 'explainTask' | 'listQueues' | 'listWorkers'
  > &
    ReturnType<typeof createWorkerControl>;
  checkTaskType: CheckTaskType | undefined;
} {
  const { control, heartbeats, route, queues, readResult, patience } = parts;
  const { address, ...naming } = config.redis.broker;
  const waiting = { ...naming, milliseconds: patience.assignMs };
  const taskTypeOf = createTaskTypes(config.tasks.routing, route);
  const broadcast = createBroadcast(control.get, {
    ...naming,
    database: address.database,
  });
  const viewFleet = createFleetView(broadcast);
  const viewWorkers = createWorkersView(broadcast);

  return {
    operations: {
      listTasks: createListTasks({ viewFleet, taskTypeOf }),
      revokeTask: createRevokeTask({ revoke: createRevoke(broadcast) }),
      explainTask: createExplainTask({
        readResult,
        findMessage: createMessageSearch(control.get, waiting),
        queryTask: createTaskQuery(broadcast),
        viewFleet,
        queues,
        timeout: patience.resultMs,
      }),
      listQueues: createListQueues({
        viewFleet,
        readDepths: createDepthReader(control.get, waiting),
        queues,
      }),
      listWorkers: createListWorkers({ viewWorkers, heartbeats }),
      ...createWorkerControl({
        commands: createWorkerCommands(broadcast, control.get, naming),
        onChange() {
          viewFleet.forget();
          viewWorkers.forget();
        },
      }),
    },
    checkTaskType: config.tasks.areTypesStrict
      ? createTaskTypeCheck({
          viewFleet,
          nameOf: (taskType) => route(taskType).name,
          taskTypeOf,
          onUnchecked(reason) {
            log.warning('Task types are taken unchecked: what the workers have is not known', {
              reason,
            });
          },
        })
      : undefined,
  };
}
