import { Registry } from 'prom-client';
import type { CountAssignment } from '../celery/producing/fate.js';
import { createAssignmentMetrics } from './assignmentMetrics.js';
import { createOutcomeMetrics, type EventSources, type OutcomeMetrics } from './outcomeMetrics.js';
import { createRequestMetrics, type RequestMetrics } from './httpMetrics.js';
import { createWaiterMetrics } from './waiterMetrics.js';
import { processMetrics } from './processMetrics.js';
import { snapshotOf, sumOf, type Snapshot } from './snapshots.js';
import { createStateMetrics, type StateSources } from './stateMetrics.js';

/** The metrics of the service. */
export interface Metrics {
  requests: RequestMetrics;
  countAssignment: CountAssignment;
  /** Undefined where this process does not count events. */
  outcomes: OutcomeMetrics | undefined;
  /** All metrics in Prometheus's text format. Rejects with `metrics_unavailable` if the primary does not answer. */
  text: () => Promise<string>;
}

/** Shares metrics among the processes of a service. */
export interface MetricsExchange {
  /** Hands over this process's metrics whenever another process asks. */
  offer: (snapshot: () => Promise<Snapshot>) => void;
  /** The metrics of all processes: this one, the others, and those that have ended. */
  gather: () => Promise<readonly Snapshot[]>;
}

export interface MetricsOptions extends StateSources {
  /** The task types that the contract describes. */
  taskTypes: readonly string[];
  /** How many clients wait for a change. */
  waiters: () => number;
  /** Undefined where this process does not count events. */
  events: EventSources | undefined;
  /** Undefined if this is the only process. */
  exchange: MetricsExchange | undefined;
}

export function createMetrics(options: MetricsOptions): Metrics {
  const { exchange } = options;
  const counted = new Registry();
  const state = new Registry();
  const requests = createRequestMetrics(counted);
  const countAssignment = createAssignmentMetrics(counted, options.taskTypes);
  const outcomes =
    options.events && createOutcomeMetrics(counted, options.taskTypes, options.events);
  createWaiterMetrics(counted, options.waiters);
  const readState = createStateMetrics(state, options);
  const own = [counted, processMetrics()];
  exchange?.offer(() => snapshotOf(own));

  const write = async (): Promise<string> => {
    const [snapshots] = await Promise.all([exchange?.gather(), readState()]);
    return Registry.merge(
      snapshots === undefined ? [...own, state] : [sumOf(snapshots), state],
    ).metrics();
  };

  // Concurrent scrapes share one run, so that many cost no more than one.
  let underWay: Promise<string> | undefined;
  return {
    requests,
    countAssignment,
    outcomes,
    text() {
      underWay ??= write().finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
  };
}
