import { Counter, type Registry } from 'prom-client';
import type { CountAssignment, CountedFate } from '../celery/producing/fate.js';
import { createDurations, type DurationSeries } from './durations.js';
import { createTaskTypeSeries } from './taskTypeSeries.js';

/** In seconds. */
const DURATION_BOUNDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/**
 * Returns the function that counts and times assignments by task type.
 *
 * @param named task types with series from the start; all others count as `other` at first
 */
export function createAssignmentMetrics(
  registry: Registry,
  named: readonly string[],
): CountAssignment {
  const durations = createDurations(registry, {
    name: 'orchestrator_assignment_duration_seconds',
    help: 'Time that it took to assign a task or to know that it is not, by task type.',
    labelNames: ['task_type'],
    bounds: DURATION_BOUNDS,
  });
  const series = createTaskTypeSeries<Series>(named, (taskType) => ({
    duration: durations.labels(taskType),
    counts: { assigned: 0, repeated: 0, full: 0, refused: 0, unknown: 0, invalid: 0 },
  }));
  new Counter({
    name: 'orchestrator_assignments_total',
    help:
      'Assignments by task type and outcome: assigned (in its queue), repeated (its Idempotency-Key was used before), ' +
      'full (its queue takes no more), refused (in no queue, and never will be), ' +
      'unknown (sent, and not acknowledged in time), ' +
      'invalid (not sent: params that no worker could read, options that are not to be had, a type that no worker has).',
    labelNames: ['task_type', 'outcome'],
    registers: [registry],
    // Zeros are written too: Prometheus's rate() needs to see where a counter starts.
    collect() {
      this.reset();
      for (const [taskType, { counts }] of series.all()) {
        for (const [outcome, count] of Object.entries(counts)) {
          this.inc({ task_type: taskType, outcome }, count);
        }
      }
    },
  });

  return (taskType, outcome, seconds) => {
    const { counts, duration } = series.of(taskType, outcome === 'assigned');
    counts[outcome] += 1;
    duration.observe(seconds);
  };
}

interface Series {
  duration: DurationSeries;
  counts: Record<CountedFate, number>;
}
