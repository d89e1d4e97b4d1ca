import { Counter, Gauge, type Registry } from 'prom-client';
import type { CountOutcomes, EndState } from '../celery/fleet/outcomes.js';
import { createDurations, type DurationSeries } from './durations.js';
import { createTaskTypeSeries } from './taskTypeSeries.js';

/** In seconds. */
const RUN_BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600];
const WAIT_BOUNDS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600,
];

/** What of the events becomes metrics. */
export interface OutcomeMetrics extends CountOutcomes {
  /** The events before this one, since the last that were heard, may have been missed. */
  gap: () => void;
}

/** Asked at each scrape, by the one process that hears events. */
export interface EventSources {
  /** The task type of a task's name, or the name itself. */
  taskTypeOf: (name: string) => string;
  workersOnline: () => number;
  /** How many workers consume each queue; none where they have not told lately. */
  queueConsumers: () => readonly { queue: string; consumers: number }[];
}

/**
 * Registers the metrics of what workers tell by events, and returns what counts them. A task type has a series from the
 * first event that names it: the names come from workers, which have no more than they have.
 */
export function createOutcomeMetrics(
  registry: Registry,
  /** Task types with a series from the start. */
  named: readonly string[],
  { taskTypeOf, workersOnline, queueConsumers }: EventSources,
): OutcomeMetrics {
  const registers = [registry];
  const runs = createDurations(registry, {
    name: 'orchestrator_task_run_seconds',
    help: 'How long tasks ran that have succeeded or failed, by task type, as their workers tell it.',
    labelNames: ['task_type'],
    bounds: RUN_BOUNDS,
  });
  const waits = createDurations(registry, {
    name: 'orchestrator_task_wait_seconds',
    help: 'How long tasks without an eta waited between being sent and their first run, by task type.',
    labelNames: ['task_type'],
    bounds: WAIT_BOUNDS,
  });
  const series = createTaskTypeSeries<Series>(
    named,
    (taskType) => ({
      run: runs.labels(taskType),
      wait: waits.labels(taskType),
      ends: { SUCCESS: 0, FAILURE: 0, REVOKED: 0, REJECTED: 0 },
      retries: 0,
    }),
    1,
  );
  const of = (name: string | undefined): Series =>
    name === undefined ? series.of('', false) : series.of(taskTypeOf(name), true);

  new Counter({
    name: 'orchestrator_task_ends_total',
    help: 'Tasks that have ended, by task type and state (SUCCESS, FAILURE, REVOKED, REJECTED), as their workers tell it.',
    labelNames: ['task_type', 'state'],
    registers,
    collect() {
      this.reset();
      for (const [taskType, { ends }] of series.all()) {
        for (const [state, count] of Object.entries(ends)) {
          this.inc({ task_type: taskType, state }, count);
        }
      }
    },
  });
  new Counter({
    name: 'orchestrator_task_retries_total',
    help: 'Runs of tasks that have ended in a retry, by task type.',
    labelNames: ['task_type'],
    registers,
    collect() {
      this.reset();
      for (const [taskType, { retries }] of series.all()) {
        this.inc({ task_type: taskType }, retries);
      }
    },
  });
  const gaps = new Counter({
    name: 'orchestrator_event_gaps_total',
    help: 'How often events may have been missed, as the connection to Redis was cut.',
    registers,
  });
  new Gauge({
    name: 'orchestrator_workers_online',
    help: 'Workers whose heartbeats are heard.',
    registers,
    collect() {
      this.set(workersOnline());
    },
  });
  new Gauge({
    name: 'orchestrator_queue_consumers',
    help: 'Workers that consume a queue. Absent while they do not answer.',
    labelNames: ['queue'],
    registers,
    collect() {
      this.reset();
      for (const { queue, consumers } of queueConsumers()) {
        this.set({ queue }, consumers);
      }
    },
  });

  return {
    ended(name, state, runSeconds) {
      const { ends, run } = of(name);
      ends[state] += 1;
      if (runSeconds !== undefined && (state === 'SUCCESS' || state === 'FAILURE')) {
        run.observe(runSeconds);
      }
    },
    retried(name) {
      of(name).retries += 1;
    },
    waited(name, seconds) {
      of(name).wait.observe(seconds);
    },
    gap() {
      gaps.inc();
    },
  };
}

interface Series {
  run: DurationSeries;
  wait: DurationSeries;
  ends: Record<EndState, number>;
  retries: number;
}
