import { AggregatorRegistry, type Registry } from 'prom-client';

/** The metrics of one process at one moment. It can be sent to another process. */
export type Snapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

export async function snapshotOf(registries: readonly Registry[]): Promise<Snapshot> {
  return (await Promise.all(registries.map((one) => one.getMetricsAsJSON()))).flat();
}

/** One registry of all: counters and histograms are sums, and each gauge is what its `aggregator` says. */
export function sumOf(snapshots: readonly Snapshot[]): Registry {
  return AggregatorRegistry.aggregate([...snapshots]);
}

/**
 * What was counted so far by processes that have ended, with one more of them. Without it, a sum would fall when a
 * process ends, and Prometheus would take all that the others have counted for new.
 */
export function withDeparted(departed: Snapshot, last: Snapshot): Promise<Snapshot> {
  const counted = last.filter(({ type }) => COUNTED.has(String(type)));
  return sumOf([departed, counted]).getMetricsAsJSON();
}

const COUNTED = new Set(['counter', 'histogram']);
