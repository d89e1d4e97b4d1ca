import type { OtherListeners } from '../../celery/fleet/otherListeners.js';
import type { FleetSettings, WorkerSettings } from '../../celery/fleet/workerSettings.js';
import type { components } from '../../contract/openapi.js';
import type { Answer } from '../../redis/ask.js';
import type { ServerFacts } from '../../redis/serverFacts.js';

export type Finding = components['schemas']['Finding'];

/** All that the doctor has found out, before it judges. */
export interface Facts {
  service: ServiceSettings;
  broker: StoreFacts;
  backend: StoreFacts;
  /** The workers' answers; undefined where the broker gives none, and why. */
  fleet: FleetSettings | undefined;
  unasked: string | undefined;
  /** Where else workers listen, where none listens here. */
  elsewhere: OtherListeners | undefined;
  /** How far the workers' clocks are from this one, in seconds, by hostname: ahead of it where positive. */
  clocks: ReadonlyMap<string, number>;
}

/** How this service is set. */
export interface ServiceSettings {
  broker: StoreSettings & {
    /** CELERY_BROKER_PRIORITY_STEPS. */
    prioritySteps: readonly number[];
  };
  backend: StoreSettings;
  /** The queue of tasks that no route matches; undefined where one matches all. */
  queue: string | undefined;
  routeOf: (taskType: string) => { name: string; queue: string };
  /** Undefined where no type stands for a task. */
  taskTypeOf: (name: string) => string | undefined;
  /** The task types that TASKS_FILE describes; undefined where it is not set. */
  described: readonly string[] | undefined;
  /** VISIBILITY_TIMEOUT. */
  visibilityTimeoutSeconds: number;
}

export interface StoreSettings {
  /** Scheme, hosts and database, without user and password. */
  label: string;
  database: number;
  keyPrefix: string;
}

export interface StoreFacts {
  server: Answer<ServerFacts>;
  /** Why the server refuses commands that this service needs, one text a reason. */
  refused: readonly string[];
}

/** Makes one finding of the workers of which the same is true. */
export function findingsOfWorkers(
  workers: readonly WorkerSettings[],
  faultOf: (worker: WorkerSettings) => Omit<Finding, 'workers'> | undefined,
): Finding[] {
  const found = new Map<string, Finding & { workers: string[] }>();
  for (const worker of workers) {
    const fault = faultOf(worker);
    if (fault !== undefined) {
      const text = JSON.stringify(fault);
      const known = found.get(text) ?? { ...fault, workers: [] };
      known.workers.push(worker.hostname);
      found.set(text, known);
    }
  }
  return [...found.values()];
}

/** `a`, `a and b`, `a, b and 3 more`. */
export function listed(names: readonly string[], most = 5): string {
  const shown = names.slice(0, names.length > most ? most : -1);
  const last = names.length > most ? `${names.length - most} more` : names.at(-1);
  return shown.length === 0 ? (last ?? 'none') : `${shown.join(', ')} and ${last}`;
}
