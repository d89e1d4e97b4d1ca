import { createProducer } from '../celery/producing/producer.js';
import { unreadableAt } from '../celery/python/unreadable.js';
import type { ReadResult } from '../celery/results/results.js';
import type { RoutedTask } from '../celery/wire/routing.js';
import type { Config } from '../config/config.js';
import { createAssign, type CountAssignment } from '../operations/tasks/assign.js';
import { createAssignmentReader } from '../operations/tasks/assignment.js';
import { createAssignTask } from '../operations/tasks/assignTask.js';
import { createAssignTasks } from '../operations/tasks/assignTasks.js';
import { createGetResult } from '../operations/results/getResult.js';
import { createGetResults } from '../operations/results/getResults.js';
import type { Operations } from '../operations/operation.js';
import { createStreamResult } from '../operations/results/streamResult.js';
import type { CheckTaskType } from '../operations/tasks/strictTaskTypes.js';
import { createWatchTask } from '../operations/results/watchTask.js';
import { withinAnswerTime } from './answerTime.js';
import type { RedisConnections } from './redisConnections.js';

/** Creates the operations that assign tasks and that read or follow their results. */
export function createTaskOperations(
  config: Config,
  parts: {
    connections: RedisConnections;
    route: (taskType: string) => RoutedTask;
    readResult: ReadResult;
    checkTaskType: CheckTaskType | undefined;
    count: CountAssignment;
  },
): Pick<
  Operations,
  'assignTask' | 'assignTasks' | 'getResult' | 'getResults' | 'streamResult' | 'watchTask'
> {
  const { connections, route, readResult, checkTaskType, count } = parts;
  const readAssignment = createAssignmentReader(route, unreadableAt, {
    queues: config.tasks.queues,
    longestDelay: longestDelay(config.tasks.visibilityTimeoutSeconds),
  });
  const assign = createAssign({
    producer: createProducer(connections.client, config.tasks.sending.compressionThreshold),
    ...{ checkTaskType, count },
    timeout: withinAnswerTime(config.tasks.timeoutMs),
  });
  const results = {
    readResult,
    watch: connections.changes.watch,
    exposesTracebacks: config.results.exposesTracebacks,
    timeout: withinAnswerTime(config.results.timeoutMs),
  };
  return {
    assignTask: createAssignTask(readAssignment, assign),
    assignTasks: createAssignTasks(readAssignment, assign),
    getResult: createGetResult(results),
    getResults: createGetResults(results),
    streamResult: createStreamResult(results),
    watchTask: createWatchTask(results),
  };
}

/**
 * How far ahead an eta may be, in seconds. A worker holds the message until then and acknowledges it after the run at
 * the latest; later than the visibility timeout, the task would run twice. A tenth of it is left for the run.
 */
function longestDelay(visibilityTimeout: number): number {
  return Math.floor(visibilityTimeout * 0.9);
}
