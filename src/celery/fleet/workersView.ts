import { fieldsOf, listOf, numberOf } from '../wire/received.js';
import { askAll, type Broadcast, type Replies, type RepliesToAll } from './control.js';
import { queueNames } from './fleetView.js';
import { createSharedView, type SharedView } from './sharedView.js';

/** How the workers are, as they have described themselves. */
export interface WorkersView {
  /** As `performance.now()` counts. */
  askedAt: number;
  /** How many listened. */
  listeners: number;
  /** Those that have answered, in the order of their hostnames. */
  workers: readonly WorkerState[];
}

/** What a worker has said of itself; null for what it has not said. */
export interface WorkerState {
  hostname: string;
  /** The pool's name on Celery's command line, such as `prefork`. */
  pool: string | null;
  /** How many tasks it runs at once. */
  concurrency: number | null;
  /** How many messages it takes at once; 0 for any number. */
  prefetchCount: number | null;
  /** Tasks that run, that wait in the worker, and that wait for their time there. */
  active: number | null;
  reserved: number | null;
  scheduled: number | null;
  /** How many tasks it has taken since its start. */
  processed: number | null;
  uptimeSeconds: number | null;
  /** The most memory that its main process has had, in kilobytes on Linux. */
  peakRssKilobytes: number | null;
  /** Sorted. */
  queues: readonly string[];
}

export type ViewWorkers = SharedView<WorkersView>;

/** Commands of celery/worker/control.py. `active` alone can leave out the arguments of the tasks. */
const QUESTIONS = {
  stats: {},
  active: { safe: true },
  reserved: {},
  scheduled: {},
  active_queues: {},
};

type RepliesByQuestion = RepliesToAll<keyof typeof QUESTIONS>['replies'];

/** Returns the function that asks the workers how they are, and remembers what they have said last. */
export function createWorkersView(broadcast: Broadcast): ViewWorkers {
  return createSharedView(async () => {
    const askedAt = performance.now();
    const asked = await askAll(broadcast, QUESTIONS);
    if ('reason' in asked) {
      return asked;
    }
    const { listeners, replies } = asked.value;
    const hostnames = Object.values(replies).flatMap(({ byWorker }) => [...byWorker.keys()]);
    const workers = [...new Set(hostnames)].sort().map((hostname) => stateOf(hostname, replies));
    return { value: { askedAt, listeners, workers } };
  });
}

function stateOf(hostname: string, replies: RepliesByQuestion): WorkerState {
  const { pool, prefetch_count, total, uptime, rusage } = fieldsOf(
    replies.stats.byWorker.get(hostname),
  );
  const countIn = ({ byWorker }: Replies): number | null => {
    const tasks = byWorker.get(hostname);
    return Array.isArray(tasks) ? tasks.length : null;
  };
  return {
    hostname,
    pool: poolName(fieldsOf(pool).implementation),
    concurrency: concurrencyOf(fieldsOf(pool)),
    prefetchCount: numberOf(prefetch_count) ?? null,
    active: countIn(replies.active),
    reserved: countIn(replies.reserved),
    scheduled: countIn(replies.scheduled),
    processed: processedOf(total),
    uptimeSeconds: numberOf(uptime) ?? null,
    peakRssKilobytes: numberOf(fieldsOf(rusage).maxrss) ?? null,
    queues: queueNames(replies.active_queues.byWorker.get(hostname)),
  };
}

/** Reads `module:class`, for Celery's own pools the name by which `--pool` knows them (celery/concurrency/__init__.py). */
export function poolName(implementation: unknown): string | null {
  if (typeof implementation !== 'string') {
    return null;
  }
  const module = /^celery\.concurrency\.(\w+):/.exec(implementation)?.[1];
  return module === 'thread' ? 'threads' : (module ?? implementation);
}

/** `max-concurrency` of a prefork pool stays what it was at the start, whatever the pool has grown to. */
export function concurrencyOf(pool: Readonly<Record<string, unknown>>): number | null {
  const processes = listOf(pool.processes).length;
  return processes > 0 ? processes : (numberOf(pool['max-concurrency']) ?? null);
}

/** The sum of `total`, which counts by task. */
function processedOf(total: unknown): number | null {
  return typeof total === 'object' && total !== null
    ? Object.values(total).reduce<number>((sum, count) => sum + (numberOf(count) ?? 0), 0)
    : null;
}
