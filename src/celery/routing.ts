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

/** Returns the function that gives a task type its Celery task name and its queue. */
export function createRouting(options: RoutingOptions): (taskType: string) => RoutedTask {
  const ownNamespaces = options.namespaces.filter((namespace) => namespace !== options.prefix);
  const exact = options.routes.filter(({ pattern }) => !pattern.includes('*'));
  const globs = options.routes.filter(({ pattern }) => pattern.includes('*'));
  const routes = [...exact, ...globs].map(({ pattern, queue }) => ({
    matches: globOf(pattern),
    queue,
  }));

  return (taskType) => {
    const bringsNamespace = ownNamespaces.some((namespace) => taskType.startsWith(`${namespace}.`));
    const name = bringsNamespace ? taskType : `${options.prefix}.${taskType}`;
    const queue = routes.find(({ matches }) => matches.test(name))?.queue ?? options.queue;
    return { name, queue };
  };
}

/** Celery's `glob_to_re` (celery/app/routes.py), matching the whole name. */
function globOf(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.+?');
  return new RegExp(`^${escaped}$`);
}
