import { AggregatorRegistry, type Registry } from 'prom-client';

/** The metrics of one process at one moment, as data that another process can be sent. */
export type Snapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

export async function snapshotOf(registries: readonly Registry[]): Promise<Snapshot> {
  return (await Promise.all(registries.map((one) => one.getMetricsAsJSON()))).flat();
}

/** Sums counters and histograms over all processes; a gauge is merged as its `aggregator` says. */
export function sumOf(snapshots: readonly Snapshot[]): Registry {
  return AggregatorRegistry.aggregate([...snapshots]);
}

/**
 * Adds the counts of one more ended process to those of the others. Without them a sum would fall when a process ends:
 * Prometheus takes a fall for a restart from 0, and would count all again.
 */
export function withDeparted(departed: Snapshot, last: Snapshot): Promise<Snapshot> {
  const counted = last.filter(({ type }) => COUNTED.has(String(type)));
  return sumOf([departed, counted]).getMetricsAsJSON();
}

const COUNTED = new Set(['counter', 'histogram']);
