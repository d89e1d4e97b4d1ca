import { remembered } from '../../json/remembered.js';

/** How task types become Celery task names, and names queues. */
export interface RoutingOptions {
  /** The namespace of a plain task type: `worker` makes `worker.test_task` of `test_task`. */
  prefix: string;
  /** Namespaces that a task type may bring itself, such as `automation`. */
  namespaces: readonly string[];
  /** The queue of names that no route matches. */
  queue: string;
  /** A route of the exact name goes before patterns; of these the first match wins (`MapRoute` in celery/app/routes.py). */
  routes: readonly Route[];
}

/** `pattern` is a task name in which `*` stands for one or more characters. */
export interface Route {
  pattern: string;
  queue: string;
}

export interface RoutedTask {
  name: string;
  queue: string;
}

/**
 * The queues that tasks are sent to, sorted.
 *
 * @param chosen those that a sender may name, beside those of the routes
 */
export function routedQueues(
  { queue, routes }: RoutingOptions,
  chosen: readonly string[] = [],
): string[] {
  return [...new Set([queue, ...routes.map((route) => route.queue), ...chosen])].sort();
}

/** Returns the function that gives the task type for a task's name; undefined where no type stands for it. */
export function createTaskTypes(
  { prefix }: RoutingOptions,
  route: (taskType: string) => RoutedTask,
): (name: string) => string | undefined {
  return (name) =>
    [name.startsWith(`${prefix}.`) ? name.slice(prefix.length + 1) : name, name].find(
      (taskType) => TASK_TYPE.test(taskType) && route(taskType).name === name,
    );
}

/** The characters of a task type: `TaskType` of the contract. */
const TASK_TYPE = /^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*$/;

/** Returns the function that gives a task type its Celery task name and its queue. */
export function createRouting(options: RoutingOptions): (taskType: string) => RoutedTask {
  const ownNamespaces = options.namespaces.filter((namespace) => namespace !== options.prefix);
  const exact = options.routes.filter(({ pattern }) => !pattern.includes('*'));
  const globs = options.routes.filter(({ pattern }) => pattern.includes('*'));
  const routes = [...exact, ...globs].map(({ pattern, queue }) => ({
    matches: globOf(pattern),
    queue,
  }));

  return remembered((taskType) => {
    const bringsNamespace = ownNamespaces.some((namespace) => taskType.startsWith(`${namespace}.`));
    const name = bringsNamespace ? taskType : `${options.prefix}.${taskType}`;
    const queue = routes.find(({ matches }) => matches.test(name))?.queue ?? options.queue;
    return { name, queue };
  });
}

/** Celery's `glob_to_re` (celery/app/routes.py), matching the whole name. */
function globOf(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.+?');
  return new RegExp(`^${escaped}$`);
}
