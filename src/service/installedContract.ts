import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createRouting, routedQueues, type RoutedTask } from '../celery/wire/routing.js';
import type { Config } from '../config/config.js';
import { loadContract, type Contract } from '../contract/contract.js';
import { PACKAGE_FOLDER } from '../packageFolder.js';

const CONTRACT = new URL('openapi.yaml', PACKAGE_FOLDER);

/** The tasks of the workers that come with the service, where they have come along. */
const OWN_TASKS = [fileURLToPath(new URL('workers-py/tasks.yaml', PACKAGE_FOLDER))];

/** Loads the contract as this installation has it. Throws a ContractError. */
export function loadInstalledContract(
  { http, tasks, results }: Config,
  file = CONTRACT,
): Promise<Contract> {
  const takesAnyName = tasks.routing.namespaces === '*';
  return loadContract(file, http.rootPath, {
    asksForKeys: http.apiKeys.length > 0,
    openOperations: http.metricsArePublic ? ['getMetrics'] : [],
    limits: { RESULT_WAIT_MAX: results.waitMax },
    takesAnyName,
    // Where types are names as they are, theirs are no names of these workers' tasks.
    tasksFiles: tasks.files ?? (takesAnyName ? [] : OWN_TASKS.filter((path) => existsSync(path))),
  });
}

/** Where tasks go, by the configuration and by what tasks files say. */
export interface InstalledRoutes {
  route: (taskType: string) => RoutedTask;
  /** The queues that tasks are sent to. */
  queues: () => readonly string[];
  /** The queues that the sender of a task may choose. */
  choosableQueues: () => readonly string[];
  /** To be called when the contract has been loaded again. */
  refresh: () => void;
}

export function createInstalledRoutes({ tasks }: Config, contract: Contract): InstalledRoutes {
  const choosableQueues = () => [...tasks.queues, ...describedQueues(contract)];
  let current = createRouting(tasks.routing, contract.tasks);
  return {
    route: (taskType) => current(taskType),
    queues: () => routedQueues(tasks.routing, choosableQueues()),
    choosableQueues,
    refresh() {
      current = createRouting(tasks.routing, contract.tasks);
    },
  };
}

/** The queues that tasks files name. */
function describedQueues({ tasks }: Contract): string[] {
  return Array.from(tasks.values(), ({ queue }) => queue).filter((queue) => queue !== undefined);
}
