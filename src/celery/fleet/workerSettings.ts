import type { Answer } from '../../redis/ask.js';
import { fieldsOf, listOf } from '../wire/received.js';
import { ruleFor } from '../wire/routing.js';
import { askAll, type Broadcast } from './control.js';
import { queueNames, registeredTasks } from './fleetView.js';
import { poolName } from './workersView.js';

/** What a worker says of itself and of its configuration. What it does not say is undefined. */
export interface WorkerSettings {
  hostname: string;
  /** Celery's, such as `5.7.0`. */
  version: string | undefined;
  /** `prefork`, `threads`, `solo`, ... */
  pool: string | undefined;
  queues: readonly string[];
  /** Without Celery's own. */
  tasks: readonly TaskSettings[];
  /** With the defaults of celery/app/defaults.py; passwords are masked. */
  configuration: Readonly<Record<string, unknown>>;
  /** The queue that its `task_routes` send a task to. */
  routeOf: (task: string) => string | undefined;
}

export interface TaskSettings {
  name: string;
  /** In seconds. */
  timeLimit: number | undefined;
  softTimeLimit: number | undefined;
  /** Whether its message is acknowledged when it has ended, and not when it begins. */
  acksLate: boolean;
}

export interface FleetSettings {
  /** How many listened. */
  listeners: number;
  /** Those that have answered all questions, in the order of their hostnames. */
  workers: readonly WorkerSettings[];
}

/** Returns the function that asks all workers for their settings. It never rejects. */
export function createSettingsReader(broadcast: Broadcast): () => Promise<Answer<FleetSettings>> {
  return async () => {
    const asked = await askAll(broadcast, {
      conf: { with_defaults: true },
      stats: {},
      registered: { taskinfoitems: ['time_limit', 'soft_time_limit', 'acks_late'] },
      active_queues: {},
      report: {},
    });
    if ('reason' in asked) {
      return asked;
    }
    const { listeners, replies } = asked.value;
    const { conf, stats, registered, active_queues: queues, report } = replies;
    const hostnames = [...conf.byWorker.keys()].filter((hostname) =>
      Object.values(replies).every(({ byWorker }) => isAnswer(byWorker.get(hostname))),
    );
    return {
      value: {
        listeners,
        workers: hostnames.sort().map((hostname) => {
          const configuration = fieldsOf(conf.byWorker.get(hostname));
          const { pool } = fieldsOf(stats.byWorker.get(hostname));
          return {
            hostname,
            configuration,
            version: versionIn(report.byWorker.get(hostname)),
            pool: poolName(fieldsOf(pool).implementation) ?? undefined,
            tasks: registeredTasks(registered.byWorker.get(hostname)).map(settingsOf),
            queues: queueNames(queues.byWorker.get(hostname)),
            routeOf: routesIn(configuration.task_routes),
          };
        }),
      },
    };
  };
}

/** `dispatch` of kombu/pidbox.py makes `{"error": ...}` of an exception. */
function isAnswer(reply: unknown): boolean {
  return reply !== undefined && !('error' in fieldsOf(reply));
}

/** `report` gives the text of `bugreport` (celery/app/utils.py): `software -> celery:5.7.0 (collider) kombu:...`. */
function versionIn(report: unknown): string | undefined {
  return /\bcelery:(\S+)/.exec(String(fieldsOf(report).ok))?.[1];
}

function settingsOf({ name, settings }: { name: string; settings: string }): TaskSettings {
  const seconds = (setting: string): number | undefined => {
    const [, digits] = new RegExp(`(?:^| )${setting}=([\\d.]+)`).exec(settings) ?? [];
    return digits === undefined ? undefined : Number(digits);
  };
  return {
    name,
    timeLimit: seconds('time_limit'),
    softTimeLimit: seconds('soft_time_limit'),
    acksLate: /(?:^| )acks_late=True(?: |$)/.test(settings),
  };
}

/**
 * Reads `task_routes` as `MapRoute` of celery/app/routes.py does: an object, or a list of such and of pairs.
 * What a function decides can't be known, nor what comes after it.
 */
function routesIn(setting: unknown): (task: string) => string | undefined {
  const routers = Array.isArray(setting) ? (setting as unknown[]) : [setting];
  const known = routers.findIndex((router) => typeof router !== 'object' || router === null);
  const routes = routers.slice(0, known < 0 ? undefined : known).map((router) => {
    const pairs = Array.isArray(router)
      ? (router as unknown[]).map((pair) => listOf(pair))
      : Object.entries(fieldsOf(router));
    return ruleFor(
      pairs.map(([pattern, route]) => ({ pattern: String(pattern), queue: queueIn(route) })),
    );
  });
  return (task) => {
    for (const ruleOf of routes) {
      const rule = ruleOf(task);
      if (rule !== undefined) {
        return rule.queue;
      }
    }
    return undefined;
  };
}

function queueIn(route: unknown): string | undefined {
  const queue = typeof route === 'string' ? route : fieldsOf(route).queue;
  // Celery masks what stands under a name with KEY, API, PASS or the like in it.
  return typeof queue === 'string' && !/^\*+$/.test(queue) ? queue : undefined;
}
