import type { Answer } from '../../redis/ask.js';
import type { Failure } from '../../redis/failure.js';
import type { Broadcast, Replies } from './control.js';
import { fieldsOf, listOf } from '../wire/controlMessage.js';

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

export interface ViewFleet {
  /** The fleet's answer, no older than so many milliseconds. Callers that ask at once share it. */
  (maximumAge: number): Promise<Answer<FleetView>>;
  /** The last answer, however old. */
  latest: () => FleetView | undefined;
}

/** Returns the function that asks the workers what they can do, and remembers what they have said last. */
export function createFleetView(broadcast: Broadcast): ViewFleet {
  let latest: FleetView | undefined;
  let asking: Promise<Answer<FleetView>> | undefined;

  const askWorkers = async (): Promise<Answer<FleetView>> => {
    const askedAt = performance.now();
    const [registered, queues] = await Promise.all([
      broadcast('registered', { taskinfoitems: [] }),
      broadcast('active_queues'),
    ]);
    const failed: Failure | undefined = [registered, queues].find((one) => 'reason' in one);
    if ('reason' in registered || 'reason' in queues) {
      return failed ?? { reason: 'the workers were not asked' };
    }
    latest = viewOf(askedAt, registered.value, queues.value);
    return { value: latest };
  };

  const view = async (maximumAge: number): Promise<Answer<FleetView>> => {
    if (latest !== undefined && performance.now() - latest.askedAt <= maximumAge) {
      return { value: latest };
    }
    asking ??= askWorkers().finally(() => (asking = undefined));
    return asking;
  };
  return Object.assign(view, { latest: () => latest });
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

/** Reads the reply to `active_queues`. Messages for a fanout exchange wait in no list. */
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
