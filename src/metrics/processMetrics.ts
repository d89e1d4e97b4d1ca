import { collectDefaultMetrics, Registry } from 'prom-client';

/**
 * Returns the registry of this process's own metrics: CPU time, memory, garbage collection, event-loop delay (sampled
 * every 10 ms by `perf_hooks`, so that an idle loop shows about 10 ms). It is made once: its samplers can't be stopped.
 */
export function processMetrics(): Registry {
  if (registry === undefined) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
    for (const name of LEFT_OUT) {
      registry.removeSingleMetric(name);
    }
  }
  return registry;
}

let registry: Registry | undefined;

/** Gauges with a counter's suffix, and deprecated ones: `nodejs_active_resources` has the same. */
const LEFT_OUT = [
  'nodejs_active_resources_total',
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
];
