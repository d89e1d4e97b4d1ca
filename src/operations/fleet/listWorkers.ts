import type { Heartbeats } from '../../celery/fleet/heartbeats.js';
import type { ViewWorkers, WorkerState } from '../../celery/fleet/workersView.js';
import type { components } from '../../contract/openapi.js';
import { brokerUnavailable } from '../../errors.js';
import { timestamp } from '../../timestamp.js';
import type { Operation } from '../operation.js';
import { FLEET_VIEW_AGE_MS } from './listTasks.js';

/** Tells how the live workers are, or throws brokerUnavailable. Their heartbeats are listened to from the first time on. */
export function createListWorkers(dependencies: {
  viewWorkers: ViewWorkers;
  heartbeats: Heartbeats;
}): Operation<'listWorkers'> {
  const { viewWorkers, heartbeats } = dependencies;

  return async () => {
    heartbeats.listen();
    const view = await viewWorkers(FLEET_VIEW_AGE_MS);
    if ('reason' in view) {
      throw brokerUnavailable('The workers could not be asked', view);
    }
    const { workers, listeners, askedAt } = view.value;
    return {
      status: 200,
      mediaType: 'application/json',
      headers: { Age: String(Math.floor((performance.now() - askedAt) / 1_000)) },
      body: {
        workers: workers.map((worker) => workerStatus(worker, heartbeats)),
        listeners,
        timestamp: timestamp(),
      },
    };
  };
}

function workerStatus(
  worker: WorkerState,
  heartbeats: Heartbeats,
): components['schemas']['WorkerStatus'] {
  const heartbeat = heartbeats.of(worker.hostname);
  return {
    hostname: worker.hostname,
    celery_version: heartbeat?.celeryVersion ?? null,
    pool: worker.pool,
    concurrency: worker.concurrency,
    prefetch_count: worker.prefetchCount,
    active: worker.active,
    reserved: worker.reserved,
    scheduled: worker.scheduled,
    processed: worker.processed,
    uptime_seconds: worker.uptimeSeconds,
    load_average: heartbeat?.loadAverage ? [...heartbeat.loadAverage] : null,
    peak_rss_kilobytes: worker.peakRssKilobytes,
    queues: [...worker.queues],
    last_heartbeat: heartbeat ? new Date(heartbeat.heardAt).toISOString() : null,
  };
}
