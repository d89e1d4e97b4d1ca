import { collectDefaultMetrics, Registry } from 'prom-client';

/**
 * The metrics of this process: CPU time, memory, garbage collection, event-loop delay (`perf_hooks`, sampled each
 * 10 ms, so that an idle loop shows about 10 ms). There is one registry for each process, as its samplers can't be
 * stopped.
 */
export function processMetrics(): Registry {
  if (registry === undefined) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
    for (const name of MISNAMED) {
      registry.removeSingleMetric(name);
    }
  }
  return registry;
}

let registry: Registry | undefined;

/** Gauges with the suffix of counters, and what Node.js has deprecated (`nodejs_active_resources` tells the same). */
const MISNAMED = [
  'nodejs_active_resources_total',
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
];
