import type { WorkerSettings } from '../../celery/fleet/workerSettings.js';
import { findingsOfWorkers, listed, type Facts, type Finding } from './facts.js';

/** Whether the workers can read messages, and take each of them once. */
export function messageFindings({ service, fleet }: Facts): Finding[] {
  const workers = fleet?.workers ?? [];
  return [
    ...findingsOfWorkers(workers, versionFault),
    ...findingsOfWorkers(workers, (worker) => priorityFault(worker, service.broker.prioritySteps)),
    ...findingsOfWorkers(workers, limitsFault),
    ...findingsOfWorkers(workers, visibilityFault),
    ...visibilityFindings(workers, service.visibilityTimeoutSeconds),
  ];
}

type Fault = Omit<Finding, 'workers'> | undefined;

/** Of Celery: the oldest minor version that the project's specs run. */
const OLDEST_TESTED = '5.3';

function versionFault({ version }: WorkerSettings): Fault {
  return version !== undefined && isOlder(version, OLDEST_TESTED)
    ? {
        check: 'celery_version',
        message: `Celery ${version} is out of support; this service is tested with ${OLDEST_TESTED} and later.`,
        mend: 'Bring these workers to a later Celery.',
      }
    : undefined;
}

function isOlder(version: string, other: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [otherMajor = 0, otherMinor = 0] = other.split('.').map(Number);
  return major < otherMajor || (major === otherMajor && minor < otherMinor);
}

/** kombu's `PRIORITY_STEPS` (kombu/transport/redis.py). */
const PRIORITY_STEPS = [0, 3, 6, 9];

function priorityFault({ configuration }: WorkerSettings, ours: readonly number[]): Fault {
  const { priority_steps: setting } = transportOptions(configuration);
  // Such as the text of a Python range, which tells nothing here.
  const isKnown = setting === undefined || setting === null || Array.isArray(setting);
  const theirs = Array.isArray(setting) ? setting.map(Number) : PRIORITY_STEPS;
  const missing = isKnown ? ours.filter((step) => !theirs.includes(step)) : [];
  return missing.length > 0
    ? {
        check: 'priority_steps',
        message: `The workers do not look for tasks of priority ${listed(missing.map(String))} where this service puts them: their priority_steps are ${listed(theirs.map(String))}.`,
        mend: `Set CELERY_BROKER_PRIORITY_STEPS to ${theirs.join(',')}.`,
      }
    : undefined;
}

/** The pools in which Celery keeps no time limit. */
const POOLS_WITHOUT_LIMITS: readonly (string | undefined)[] = ['solo', 'threads', 'eventlet'];

function limitsFault({ tasks, pool, configuration }: WorkerSettings): Fault {
  const { task_time_limit: limit } = configuration;
  if (typeof limit === 'number' && POOLS_WITHOUT_LIMITS.includes(pool)) {
    return {
      check: 'time_limit',
      message: `The time limit of ${limit} s has no effect in the pool ${pool}: a task that hangs holds its place for ever.`,
      mend: 'Use the pool prefork, or let the tasks limit themselves and take task_time_limit out.',
    };
  }
  const wrong = tasks.filter(
    ({ timeLimit = Infinity, softTimeLimit = 0 }) => softTimeLimit >= timeLimit,
  );
  return wrong.length > 0
    ? {
        check: 'time_limit',
        message: `The soft time limit of ${listed(wrong.map(({ name }) => name))} is no shorter than the hard one: the task is killed before it can end in order.`,
        mend: 'Make soft_time_limit shorter than time_limit.',
      }
    : undefined;
}

function visibilityFault({ tasks, configuration }: WorkerSettings): Fault {
  const timeout = visibilityTimeout(configuration);
  const long = tasks.filter(({ timeLimit = 0, acksLate }) => acksLate && timeLimit > timeout);
  const longest = Math.max(...long.map(({ timeLimit = 0 }) => timeLimit));
  return long.length > 0
    ? {
        check: 'visibility_timeout',
        message: `${listed(long.map(({ name }) => name))} may run for ${longest} s, and after ${timeout} s (visibility_timeout) its message goes to another worker: it may run twice.`,
        mend: `Set visibility_timeout in the broker_transport_options of all workers to more than ${longest}, or make the time limits shorter.`,
      }
    : undefined;
}

function visibilityFindings(workers: readonly WorkerSettings[], ours: number): Finding[] {
  const timeouts = new Map<number, string[]>();
  for (const { hostname, configuration } of workers) {
    const timeout = visibilityTimeout(configuration);
    timeouts.set(timeout, [...(timeouts.get(timeout) ?? []), hostname]);
  }
  const shortest = Math.min(...timeouts.keys());
  if (timeouts.size > 1) {
    return [
      {
        check: 'visibility_timeout',
        message: `The workers have different visibility timeouts (${listed(Array.from(timeouts.keys(), (timeout) => `${timeout} s`))}): the shortest one holds for the messages of all.`,
        mend: 'Give all workers the same visibility_timeout in broker_transport_options.',
        workers: timeouts.get(shortest) ?? [],
      },
    ];
  }
  return ours > shortest
    ? [
        {
          check: 'visibility_timeout',
          message: `This service takes an eta of up to nine tenths of ${ours} s, and after ${shortest} s (visibility_timeout) such a task goes to another worker: it may run twice.`,
          mend: `Set VISIBILITY_TIMEOUT to ${shortest}, the visibility_timeout of the workers' broker_transport_options.`,
        },
      ]
    : [];
}

/** kombu's default, in seconds (`QoS.visibility_timeout` of kombu/transport/redis.py). */
const VISIBILITY_TIMEOUT = 3_600;

function visibilityTimeout(configuration: WorkerSettings['configuration']): number {
  const { visibility_timeout: timeout } = transportOptions(configuration);
  return typeof timeout === 'number' ? timeout : VISIBILITY_TIMEOUT;
}

function transportOptions(
  configuration: WorkerSettings['configuration'],
): Readonly<Record<string, unknown>> {
  return (configuration.broker_transport_options ?? {}) as Record<string, unknown>;
}
