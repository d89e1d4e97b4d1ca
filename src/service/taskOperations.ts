import { kombuReading } from '../celery/python/unreadable.js';
import type { ReadResult } from '../celery/results/results.js';
import type { RoutedTask } from '../celery/wire/routing.js';
import type { Contract } from '../contract/contract.js';
import type { Config } from '../config/config.js';
import type { CountAssignment } from '../celery/producing/fate.js';
import { createAssign } from '../operations/tasks/assign.js';
import { createAssignmentReader } from '../operations/tasks/assignment.js';
import { createAssignTask } from '../operations/tasks/assignTask.js';
import { createAssignTasks } from '../operations/tasks/assignTasks.js';
import { createGetResult } from '../operations/results/getResult.js';
import { createGetResults } from '../operations/results/getResults.js';
import type { Operations } from '../operations/operation.js';
import { createStreamResult } from '../operations/results/streamResult.js';
import type { CheckTaskType } from '../operations/tasks/strictTaskTypes.js';
import { createWatchTask } from '../operations/results/watchTask.js';
import type { RedisConnections } from './redisConnections.js';

/** How long Redis may take for an answer: the rest of the client's waiting time is for the answer's own way. */
export interface RedisPatience {
  assignMs: number;
  resultMs: number;
}

/** Creates the operations that assign tasks and that read or follow their results. */
export function createTaskOperations(
  config: Config,
  parts: {
    connections: RedisConnections;
    route: (taskType: string) => RoutedTask;
    contract: Contract;
    /** The queues that the sender of a task may choose. */
    choosableQueues: () => readonly string[];
    readResult: ReadResult;
    checkTaskType: CheckTaskType | undefined;
    count: CountAssignment;
    patience: RedisPatience;
  },
): Pick<
  Operations,
  'assignTask' | 'assignTasks' | 'getResult' | 'getResults' | 'streamResult' | 'watchTask'
> {
  const {
    connections,
    route,
    contract,
    choosableQueues,
    readResult,
    checkTaskType,
    count,
    patience,
  } = parts;
  const limits = {
    queues: choosableQueues,
    longestDelay: longestDelay(config.tasks.visibilityTimeoutSeconds),
  };
  const readAssignment = createAssignmentReader(
    route,
    kombuReading,
    limits,
    (taskType) => contract.tasks.get(taskType)?.options,
    config.tasks.defaultPriority,
  );
  const assign = createAssign({
    producer: connections.client,
    ...{ checkTaskType, count },
    timeout: patience.assignMs,
  });
  const results = {
    readResult,
    watch: connections.changes.watch,
    exposesTracebacks: config.results.exposesTracebacks,
    timeout: patience.resultMs,
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
