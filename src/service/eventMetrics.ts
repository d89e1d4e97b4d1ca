import { createBroadcast } from '../celery/fleet/control.js';
import { listenToEvents } from '../celery/fleet/eventListener.js';
import { createFleetView } from '../celery/fleet/fleetView.js';
import { createOutcomes } from '../celery/fleet/outcomes.js';
import { createWorkersOnline } from '../celery/fleet/workersOnline.js';
import { createTaskTypes, type RoutedTask } from '../celery/wire/routing.js';
import type { Config } from '../config/config.js';
import type { Log } from '../log/log.js';
import type { Metrics } from '../metrics/metrics.js';
import type { EventSources } from '../metrics/outcomeMetrics.js';
import { consumersOf, knownQueues } from '../operations/fleet/listQueues.js';
import { silenceMs, type RedisConnections } from './redisConnections.js';

/** The workers are asked at most so often, and for so long an answer of theirs counts as today's, in milliseconds. */
const ASKED_EACH_MS = 5_000;
const KNOWN_FOR_MS = 60_000;

/** What events are counted for, and what begins to. */
export interface EventCounting {
  sources: EventSources;
  /** Begins; returns what ends it, within so many milliseconds. */
  begin: (outcomes: NonNullable<Metrics['outcomes']>) => (milliseconds: number) => Promise<void>;
}

/** Every instance hears every event and counts all: of several, the largest count is the right one, and not the sum. */
export function prepareEventCounting(
  { redis, tasks }: Config,
  log: Log,
  parts: {
    connections: RedisConnections;
    route: (taskType: string) => RoutedTask;
    queues: () => readonly string[];
  },
): EventCounting {
  const { connections, route, queues } = parts;
  const { address, ...naming } = redis.broker;
  const place = { ...naming, database: address.database };
  const broadcast = createBroadcast(connections.control.get, place);
  const viewFleet = createFleetView(broadcast);
  const online = createWorkersOnline();
  const taskTypeOf = createTaskTypes(tasks.routing, route);

  return {
    sources: {
      taskTypeOf: (name) => taskTypeOf(name) ?? name,
      workersOnline: online.count,
      queueConsumers() {
        // A scrape does not wait for workers: the next one has their answer.
        void viewFleet(ASKED_EACH_MS);
        const latest = viewFleet.latest();
        const fleet =
          latest && performance.now() - latest.askedAt < KNOWN_FOR_MS ? latest : undefined;
        return knownQueues(queues(), fleet).flatMap((queue) => {
          const consumers = consumersOf(queue, fleet);
          // One that has not answered may consume it.
          const isKnown = consumers !== undefined && (consumers > 0 || fleet?.isComplete === true);
          return isKnown ? [{ queue, consumers }] : [];
        });
      },
    },
    begin(outcomes) {
      const follow = createOutcomes(outcomes);
      let hasHeard = false;
      return listenToEvents(() => connections.openListener('events'), {
        ...place,
        silenceMs: silenceMs(tasks.timeoutMs),
        broadcast,
        receive(event) {
          follow(event);
          online.receive(event);
        },
        heard() {
          if (hasHeard) {
            outcomes.gap();
          }
          hasHeard = true;
        },
        refused(reason) {
          log.warning('Redis lets nobody hear events: its user may not SUBSCRIBE', { reason });
        },
      });
    },
  };
}
