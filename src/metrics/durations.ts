import type { Metric, MetricValueWithName, Registry } from 'prom-client';

/** A histogram of durations, one series for each set of labels. */
export interface Durations {
  /** @param values in the order of the names */
  labels: (...values: string[]) => DurationSeries;
}

export interface DurationSeries {
  observe: (seconds: number) => void;
}

interface Series {
  labels: Readonly<Record<string, string>>;
  /** `counts[i]` lie above `bounds[i - 1]` and not above `bounds[i]`; the last entry lies above all bounds. */
  counts: number[];
  sum: number;
}

/**
 * Registers a histogram that counts in plain numbers and builds prom-client's values at a scrape. prom-client's own
 * Histogram looks up its series and its bucket by text at each observation.
 *
 * @param options.bounds in seconds, ascending
 */
export function createDurations(
  registry: Registry,
  options: { name: string; help: string; labelNames: readonly string[]; bounds: readonly number[] },
): Durations {
  const { name, help, labelNames, bounds } = options;
  const all: Series[] = [];
  const get = (): Promise<unknown> => {
    const used = all.filter(({ counts }) => counts.some((count) => count > 0));
    const values = used.flatMap((series) => cumulativeValues(name, bounds, series));
    return Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values });
  };
  // prom-client needs no more of a metric than this: its own sums over several processes have no more either.
  registry.registerMetric({ name, get } as unknown as Metric);

  return {
    labels(...values) {
      const labels = Object.fromEntries(labelNames.map((key, index) => [key, values[index] ?? '']));
      const counts = Array.from({ length: bounds.length + 1 }, () => 0);
      const series: Series = { labels, counts, sum: 0 };
      all.push(series);
      return {
        observe(seconds) {
          let place = 0;
          while (place < bounds.length && seconds > (bounds[place] ?? Infinity)) {
            place += 1;
          }
          counts[place] = (counts[place] ?? 0) + 1;
          series.sum += seconds;
        },
      };
    },
  };
}

/** Prometheus's buckets are cumulative: each includes those below. */
function cumulativeValues(
  name: string,
  bounds: readonly number[],
  { labels, counts, sum }: Series,
): MetricValueWithName<string>[] {
  let count = 0;
  const buckets = [...bounds, '+Inf'].map((le, place) => {
    count += counts[place] ?? 0;
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
