import { askAll, type Broadcast, type RepliesToAll } from './control.js';
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
    const asked = await askAll(broadcast, {
      registered: { taskinfoitems: [] },
      active_queues: {},
    });
    return 'reason' in asked ? asked : { value: viewOf(askedAt, asked.value) };
  });
}

function viewOf(
  askedAt: number,
  { listeners, replies }: RepliesToAll<'registered' | 'active_queues'>,
): FleetView {
  const { registered, active_queues: queues } = replies;
  const hostnames = [...new Set([...registered.byWorker.keys(), ...queues.byWorker.keys()])];
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

function taskNames(reply: unknown): string[] {
  return sorted(registeredTasks(reply).map(({ name }) => name));
}

/**
 * Reads the reply to `registered` (celery/worker/control.py), without Celery's own tasks. An item is the name, or the name
 * and what of it was asked for, or a rate limit: `name [time_limit=330 acks_late=True]`.
 */
export function registeredTasks(reply: unknown): { name: string; settings: string }[] {
  return listOf(reply)
    .filter((item) => typeof item === 'string')
    .map((item) => {
      const [, name = item, settings = ''] = /^(.*?) \[(\w+=.*)\]$/s.exec(item) ?? [];
      return { name, settings };
    })
    .filter(({ name }) => !name.startsWith('celery.'));
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
