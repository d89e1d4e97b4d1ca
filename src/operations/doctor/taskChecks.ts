import type { WorkerSettings } from '../../celery/fleet/workerSettings.js';
import { findingsOfWorkers, listed, type Facts, type Finding } from './facts.js';

/** Whether tasks reach workers that have them, and whether tasks files of the installation's own tell of them. */
export function taskFindings(facts: Facts): Finding[] {
  const { workers = [], listeners = 0 } = facts.fleet ?? {};
  if (workers.length === 0) {
    return [];
  }
  const found = [
    ...routeFindings(facts),
    ...strangerFindings(facts),
    ...undescribedFindings(facts),
    ...namespaceFindings(facts),
  ];
  // One that has not answered may have what the others have not.
  return workers.length < listeners
    ? found
    : [...queueFindings(facts), ...found, ...missingFindings(facts)];
}

/** Of the queues that something goes to: the default routes name others. */
function queueFindings({ service, fleet }: Facts): Finding[] {
  const workers = fleet?.workers ?? [];
  const consumed = [...new Set(workers.flatMap(({ queues }) => queues))].sort();
  const used = [
    service.queue,
    ...(service.described ?? []).map((taskType) => service.routeOf(taskType).queue),
    ...namesOf(workers).map((name) => queueOf(service, name) ?? service.queue),
  ].filter((queue) => queue !== undefined);
  return [...new Set(used)]
    .filter((queue) => !consumed.includes(queue))
    .map((queue) => ({
      check: 'unconsumed_queue',
      message: `This service sends tasks to the queue ${queue}, which no worker consumes: they wait for ever.`,
      mend: `Start a worker with --queues ${queue}, or set TASK_QUEUE, TASK_ROUTES and the queues of tasks files to what is consumed: ${listed(consumed)}.`,
    }));
}

function routeFindings({ service, fleet }: Facts): Finding[] {
  const workers = fleet?.workers ?? [];
  const moves = new Map<string, { ours: string; theirs: string; names: string[] }>();
  for (const name of namesOf(workers)) {
    const ours = queueOf(service, name);
    const others = workers.map(({ routeOf }) => routeOf(name));
    const theirs = others.find((queue) => queue !== undefined && queue !== ours);
    if (ours !== undefined && theirs !== undefined) {
      const known = moves.get(`${ours} ${theirs}`) ?? { ours, theirs, names: [] };
      known.names.push(name);
      moves.set(`${ours} ${theirs}`, known);
    }
  }
  return Array.from(moves.values(), ({ ours, theirs, names }) => ({
    check: 'route',
    message: `This service sends ${listed(names)} to the queue ${ours}; the workers' own task_routes send it to ${theirs}.`,
    mend: `Add ${names[0]}=${theirs} to TASK_ROUTES, which takes patterns too, or give the task its queue in a tasks file.`,
  }));
}

/** A worker discards a message of a task that it does not have. */
function strangerFindings({ service, fleet }: Facts): Finding[] {
  const workers = fleet?.workers ?? [];
  const queues = [...new Set(workers.flatMap((worker) => worker.queues))].sort();
  return queues.flatMap((queue) => {
    const sent = namesOf(workers).filter((name) => queueOf(service, name) === queue);
    return findingsOfWorkers(
      workers.filter((worker) => worker.queues.includes(queue)),
      ({ tasks }) => {
        const strange = sent.filter((name) => !tasks.some((task) => task.name === name));
        return strange.length === 0
          ? undefined
          : {
              check: 'unregistered_task',
              message: `The queue ${queue} gets ${listed(strange)}, which other workers have and these have not: of such tasks, they throw away the ones that they take.`,
              mend: 'Let all workers of a queue import the same tasks, or give these tasks a queue of their own.',
            };
      },
    );
  });
}

function missingFindings({ service, fleet }: Facts): Finding[] {
  const names = namesOf(fleet?.workers ?? []);
  const missing = (service.described ?? []).filter(
    (taskType) => !names.includes(service.routeOf(taskType).name),
  );
  return missing.length === 0
    ? []
    : [
        {
          check: 'missing_task',
          message: `No worker has what tasks files describe: ${listed(missing)}.`,
          mend: 'Start the workers that have them, or take them out of the tasks files; TASK_PREFIX and TASK_NAMESPACES decide which task a type stands for.',
        },
      ];
}

function undescribedFindings({ service, fleet }: Facts): Finding[] {
  const known = service.described?.map((taskType) => service.routeOf(taskType).name);
  const others = namesOf(fleet?.workers ?? []).filter(
    (name) => service.taskTypeOf(name) !== undefined && known?.includes(name) === false,
  );
  return others.length === 0
    ? []
    : [
        {
          check: 'undescribed_task',
          message: `Workers have what no tasks file describes: ${listed(others)}. Their params are not checked.`,
          mend: 'Describe them in a file of TASKS_FILE.',
        },
      ];
}

function namespaceFindings({ service, fleet }: Facts): Finding[] {
  const names = namesOf(fleet?.workers ?? []);
  return names.length === 0 || names.some((name) => service.taskTypeOf(name) !== undefined)
    ? []
    : [
        {
          check: 'no_task_type',
          message: `No task type stands for any task of the workers, such as ${listed(names, 3)}: none can be assigned.`,
          mend: "Set TASK_NAMESPACES to *, so that every task's name is its type, or TASK_PREFIX to their namespace.",
        },
      ];
}

/** The queue that this service sends a task of this name to; undefined where it sends none. */
function queueOf({ taskTypeOf, routeOf }: Facts['service'], name: string): string | undefined {
  const taskType = taskTypeOf(name);
  return taskType === undefined ? undefined : routeOf(taskType).queue;
}

function namesOf(workers: readonly WorkerSettings[]): string[] {
  return [...new Set(workers.flatMap(({ tasks }) => tasks.map(({ name }) => name)))].sort();
}
