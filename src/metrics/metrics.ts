import { Registry } from 'prom-client';
import { createAssignmentMetrics, type CountAssignment } from './assignmentMetrics.js';
import { createRequestMetrics, type RequestMetrics } from './httpMetrics.js';
import { createWaiterMetrics } from './waiterMetrics.js';
import { processMetrics } from './processMetrics.js';
import { snapshotOf, sumOf, type Snapshot } from './snapshots.js';
import { createStateMetrics, type StateSources } from './stateMetrics.js';

/** The metrics of the service. */
export interface Metrics {
  requests: RequestMetrics;
  countAssignment: CountAssignment;
  /** All of them in Prometheus's text format. Rejects where those of other processes can't be had. */
  text: () => Promise<string>;
}

/** By which the processes of a service know of each other's metrics. */
export interface MetricsExchange {
  /** Lets the others have what this process has counted, whenever they ask. */
  offer: (snapshot: () => Promise<Snapshot>) => void;
  /** What all have counted: this one, the others and those that have ended. */
  gather: () => Promise<readonly Snapshot[]>;
}

export interface MetricsOptions extends StateSources {
  /** Those that the contract describes. */
  taskTypes: readonly string[];
  /** How many clients wait for a change. */
  waiters: () => number;
  /** Undefined where there is no other process. */
  exchange: MetricsExchange | undefined;
}

export function createMetrics(options: MetricsOptions): Metrics {
  const { exchange } = options;
  const counted = new Registry();
  const state = new Registry();
  const requests = createRequestMetrics(counted);
  const countAssignment = createAssignmentMetrics(counted, options.taskTypes);
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

  /** Those who ask at the same time get the same text: they cost no more than one, however many they are. */
  let underWay: Promise<string> | undefined;
  return {
    requests,
    countAssignment,
    text() {
      underWay ??= write().finally(() => {
        underWay = undefined;
      });
      return underWay;
    },
  };
}
