import { remembered } from '../../json/remembered.js';

/** How task types become Celery task names, and names queues. */
export interface RoutingOptions {
  /** The namespace of a plain task type: `worker` makes `worker.test_task` of `test_task`. */
  prefix: string;
  /** Namespaces that a task type may bring itself, such as `automation`; `*` where every type is a task's name. */
  namespaces: '*' | readonly string[];
  /** The names of Celery's own tasks (celery/app/builtins.py) that may be assigned, such as `celery.backend_cleanup`. */
  builtins: readonly string[];
  /** The queue of names that no route matches. */
  queue: string;
  /** A route of the exact name goes before patterns; of these the first match wins (`MapRoute` in celery/app/routes.py). */
  routes: readonly Route[];
  /** How the params of tasks by their names are passed on, as `routes` choose a queue; as one argument unless said here. */
  paramsAs: readonly { pattern: string; form: ParamsForm }[];
}

/** How a task gets its params: as its only positional argument, or each member as a keyword argument. */
export type ParamsForm = 'argument' | 'kwargs';

/** `pattern` is a task's name or, where it has a `*`, what Python's `fnmatch` takes. */
export interface Route {
  pattern: string;
  queue: string;
}

export interface RoutedTask {
  name: string;
  queue: string;
  paramsAs: ParamsForm;
  /** Why it may not be assigned, if so. */
  refusal: string | undefined;
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
  { prefix, namespaces }: RoutingOptions,
  route: (taskType: string) => RoutedTask,
): (name: string) => string | undefined {
  const pattern = namespaces === '*' ? ANY_NAME : TASK_TYPE;
  return (name) =>
    [name.startsWith(`${prefix}.`) ? name.slice(prefix.length + 1) : name, name].find(
      (taskType) => pattern.test(taskType) && isOf(name, route(taskType)),
    );
}

function isOf(name: string, routed: RoutedTask): boolean {
  return routed.name === name && routed.refusal === undefined;
}

/** The characters of a task type: `TaskType` of the contract, and its `x-any-name`. */
const TASK_TYPE = /^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*$/;
const ANY_NAME = /^[!-~]+( [!-~]+)*$/;

/** The namespace of the tasks that every Celery app has (celery/app/builtins.py). */
const CELERYS_OWN = 'celery.';

/**
 * Returns the function that gives a task type its Celery task name and its queue.
 *
 * @param described what is said of single task types, which goes before the options
 */
export function createRouting(
  options: RoutingOptions,
  described: ReadonlyMap<string, { queue?: string; params_as?: ParamsForm }> = new Map(),
): (taskType: string) => RoutedTask {
  const { prefix, namespaces, builtins } = options;
  const routeOf = ruleFor(options.routes);
  const formOf = ruleFor(options.paramsAs);
  const isName = (taskType: string): boolean =>
    namespaces === '*' ||
    builtins.includes(taskType) ||
    namespaces.some((namespace) => namespace !== prefix && taskType.startsWith(`${namespace}.`));

  const nameOf = (taskType: string) => (isName(taskType) ? taskType : `${prefix}.${taskType}`);
  const describedNames = new Set(Array.from(described.keys(), nameOf));
  const refusalOf = (taskType: string, name: string): string | undefined => {
    if (name.startsWith(CELERYS_OWN) && !builtins.includes(name)) {
      return "is one of Celery's own tasks, of which this installation lets none or only some be assigned";
    }
    // It would go past the schema of that type's params.
    return describedNames.has(name) && !described.has(taskType)
      ? 'is another way to write a task type that this installation describes'
      : undefined;
  };

  return remembered((taskType) => {
    const name = nameOf(taskType);
    const own = described.get(taskType);
    return {
      name,
      queue: own?.queue ?? routeOf(name)?.queue ?? options.queue,
      paramsAs: own?.params_as ?? formOf(name)?.form ?? 'argument',
      refusal: refusalOf(taskType, name),
    };
  });
}

/** Finds the rule for a task's name: that of the exact name, or else the first whose pattern matches. */
export function ruleFor<Rule extends { pattern: string }>(
  rules: readonly Rule[],
): (name: string) => Rule | undefined {
  const exact = rules.filter(({ pattern }) => !pattern.includes('*'));
  const globs = rules.filter(({ pattern }) => pattern.includes('*'));
  const inOrder = [...exact, ...globs].map((rule) => ({ rule, matches: globOf(rule.pattern) }));
  return (name) => inOrder.find(({ matches }) => matches.test(name))?.rule;
}

/**
 * Python's `fnmatch.translate`, by which Celery reads patterns (`MapRoute` in celery/app/routes.py): `*` is any number of
 * characters, `?` is one, `[ab]` one of these and `[!ab]` one of the others.
 */
function globOf(pattern: string): RegExp {
  const parts = pattern.match(/\[!?(?:\][^\]]*|[^\]]+)\]|[^]/g) ?? [];
  return new RegExp(`^${parts.map(expressionOf).join('')}$`, 's');
}

function expressionOf(part: string): string {
  if (part === '*') {
    return '.*';
  }
  if (part === '?') {
    return '.';
  }
  if (part.length > 1) {
    const [, negation = '', members = ''] = /^\[(!?)([^]*)\]$/.exec(part) ?? [];
    const ranges = members.replace(/(.)-(.)/g, (range, from, to) => (from <= to ? range : ''));
    return `[${negation && '^'}${ranges.replace(/[\\[\]^]/g, '\\$&')}]`;
  }
  return part.replace(/[.+^${}()|[\]\\]/, '\\$&');
}
