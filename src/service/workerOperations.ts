import type { LaterConnection } from '../celery/client.js';
import { createBroadcast } from '../celery/control.js';
import { createFleetView } from '../celery/fleetView.js';
import { createMessageSearch } from '../celery/messageSearch.js';
import { createDepthReader } from '../celery/queueDepths.js';
import type { ReadResult } from '../celery/results.js';
import { createRevoke } from '../celery/revoking.js';
import { createTaskTypes, routedQueues, type RoutedTask } from '../celery/routing.js';
import { createTaskQuery } from '../celery/taskQuery.js';
import type { Config } from '../config.js';
import type { Log } from '../log.js';
import { createExplainTask } from '../operations/explainTask.js';
import { createListQueues } from '../operations/listQueues.js';
import { createListTasks } from '../operations/listTasks.js';
import type { Operations } from '../operations/operation.js';
import { createRevokeTask } from '../operations/revokeTask.js';
import { createTaskTypeCheck, type CheckTaskType } from '../operations/strictTaskTypes.js';
import { withinAnswerTime } from './answerTime.js';

/** What is asked of the queues and of the workers, and the check of task types where it is wanted. */
export function createWorkerOperations(
  config: Config,
  log: Log,
  parts: {
    /** Its own, so that no task and no result waits behind a search through a queue. */
    control: LaterConnection;
    route: (taskType: string) => RoutedTask;
    readResult: ReadResult;
  },
): {
  operations: Pick<Operations, 'listTasks' | 'revokeTask' | 'explainTask' | 'listQueues'>;
  checkTaskType: CheckTaskType | undefined;
} {
  const { control, route, readResult } = parts;
  const keyPrefix = config.brokerKeyPrefix;
  const waiting = { keyPrefix, milliseconds: withinAnswerTime(config.assignTimeoutMs) };
  const queues = routedQueues(config.routing, config.queues);
  const taskTypeOf = createTaskTypes(config.routing, route);
  const broadcast = createBroadcast(control.get, { keyPrefix, database: config.broker.database });
  const viewFleet = createFleetView(broadcast);

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
        timeout: withinAnswerTime(config.resultTimeoutMs),
      }),
      listQueues: createListQueues({
        viewFleet,
        readDepths: createDepthReader(control.get, waiting),
        queues,
      }),
    },
    checkTaskType: config.hasStrictTaskTypes
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
