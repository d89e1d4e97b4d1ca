import { Gauge, type Registry } from 'prom-client';

/** Asked at each scrape. None rejects, or takes longer than a scrape may. */
export interface StateSources {
  version: string;
  nodeVersion: string;
  /** Whether Redis answers, by role. */
  redisStates: () => Promise<readonly { role: string; isUp: boolean }[]>;
  /** The depths of the queues that could be read. */
  queueDepths: () => Promise<readonly { queue: string; priority: number; depth: number }[]>;
}

/**
 * Registers the metrics of what all processes share (Redis, the queues), and returns the function that reads them. The
 * process that is scraped reads them, and for all.
 */
export function createStateMetrics(registry: Registry, sources: StateSources): () => Promise<void> {
  const registers = [registry];
  const redisUp = new Gauge({
    name: 'orchestrator_redis_up',
    help: 'Whether Redis answers this service, by role: broker or backend (1 for yes).',
    labelNames: ['role'],
    registers,
  });
  const queueDepth = new Gauge({
    name: 'orchestrator_queue_depth',
    help: 'Messages that wait in a queue, by the step of their priority (0 is served first). Absent while the broker does not answer.',
    labelNames: ['queue', 'priority'],
    registers,
  });
  new Gauge({
    name: 'orchestrator_build_info',
    help: 'Always 1; the labels say which version runs, on which Node.js.',
    labelNames: ['version', 'node_version'],
    registers,
  }).set({ version: sources.version, node_version: sources.nodeVersion }, 1);

  return async () => {
    const [states, depths] = await Promise.all([sources.redisStates(), sources.queueDepths()]);
    for (const { role, isUp } of states) {
      redisUp.set({ role }, isUp ? 1 : 0);
    }
    // Without this, a queue that can't be read would keep its last depth.
    queueDepth.reset();
    for (const { queue, priority, depth } of depths) {
      queueDepth.set({ queue, priority }, depth);
    }
  };
}
