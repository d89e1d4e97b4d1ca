import type { Failure } from '../../redis/failure.js';
import type { Broadcast, Replies } from './control.js';
import { createSharedView, type SharedView } from './sharedView.js';
import { fieldsOf, listOf } from '../wire/received.js';

/** The fleet as its workers have described it. */
export interface FleetView {
  /** As `performance.now()` counts. */
  askedAt: number;
  /** Whether all that listened have replied. */
  isComplete: boolean;
  /** How many listened. */
  listeners: number;
  /** In the order of their hostnames. */
  workers: readonly WorkerView[];
}

export interface WorkerView {
  hostname: string;
  /** The names of its tasks without Celery's own, and of the queues that it consumes; sorted. */
  tasks: readonly string[];
  queues: readonly string[];
}

export type ViewFleet = SharedView<FleetView>;

/** Returns the function that asks the workers what they can do, and remembers what they have said last. */
export function createFleetView(broadcast: Broadcast): ViewFleet {
  return createSharedView(async () => {
    const askedAt = performance.now();
    const [registered, queues] = await Promise.all([
      broadcast('registered', { taskinfoitems: [] }),
      broadcast('active_queues'),
    ]);
    const failed: Failure | undefined = [registered, queues].find((one) => 'reason' in one);
    if ('reason' in registered || 'reason' in queues) {
      return failed ?? { reason: 'the workers were not asked' };
    }
    return { value: viewOf(askedAt, registered.value, queues.value) };
  });
}

function viewOf(askedAt: number, registered: Replies, queues: Replies): FleetView {
  const hostnames = [...new Set([...registered.byWorker.keys(), ...queues.byWorker.keys()])];
  // A worker that has begun to listen between the two questions is missing in one of them.
  const listeners = Math.max(registered.listeners, queues.listeners);
  return {
    askedAt,
    listeners,
    isComplete: [registered, queues].every(({ byWorker }) => byWorker.size >= listeners),
    workers: hostnames.sort().map((hostname) => ({
      hostname,
      tasks: taskNames(registered.byWorker.get(hostname)),
      queues: queueNames(queues.byWorker.get(hostname)),
    })),
  };
}

/** Reads the reply to `registered` (celery/worker/control.py); with a rate limit, an item is `name [rate_limit=10/m]`. */
function taskNames(reply: unknown): string[] {
  return sorted(
    listOf(reply)
      .filter((item) => typeof item === 'string')
      .map((item) => item.replace(/ \[\w+=.*\]$/s, ''))
      .filter((name) => !name.startsWith('celery.')),
  );
}

/** Reads the reply to `active_queues`: sorted. Messages for a fanout exchange wait in no list. */
export function queueNames(reply: unknown): string[] {
  return sorted(
    listOf(reply)
      .map(fieldsOf)
      .filter(({ exchange }) => fieldsOf(exchange).type !== 'fanout')
      .map(({ name }) => name)
      .filter((name) => typeof name === 'string'),
  );
}

function sorted(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
