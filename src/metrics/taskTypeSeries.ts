/** The series of each task type. Their number is bounded, whatever clients send. */
export interface TaskTypeSeries<Series> {
  /** @param isQueued whether a task of this type has just been queued: only these count towards a series of its own */
  of: (taskType: string, isQueued: boolean) => Series;
  all: () => Iterable<readonly [taskType: string, series: Series]>;
}

/** The label of types without a series of their own. A task type may have this very name: it shares the series. */
const OTHER = 'other';

/** Bound of the series of types that the contract does not describe. */
const MOST_SERIES = 100;

/**
 * Cardinality guard: a type gets a series of its own after being queued this often. The service does not know which
 * types the workers have; invented ones (with an id in them) rarely repeat.
 */
const QUEUED_OFTEN = 10;

/** Bound of the types counted towards QUEUED_OFTEN. When it is reached, counting starts anew. */
const MOST_CANDIDATES = 1_000;

/**
 * @param named task types with a series from the start
 * @param often after how often being queued another one gets its own
 */
export function createTaskTypeSeries<Series>(
  named: readonly string[],
  make: (taskType: string) => Series,
  often = QUEUED_OFTEN,
): TaskTypeSeries<Series> {
  const series = new Map(named.map((taskType) => [taskType, make(taskType)]));
  const other = series.get(OTHER) ?? make(OTHER);
  series.set(OTHER, other);
  const most = series.size + MOST_SERIES;
  const candidates = new Map<string, number>();

  const consider = (taskType: string): void => {
    const count = (candidates.get(taskType) ?? 0) + 1;
    if (count < often) {
      if (candidates.size >= MOST_CANDIDATES) {
        candidates.clear();
      }
      candidates.set(taskType, count);
      return;
    }
    candidates.delete(taskType);
    series.set(taskType, make(taskType));
  };

  return {
    of(taskType, isQueued) {
      const own = series.get(taskType);
      if (own !== undefined) {
        return own;
      }
      if (isQueued && series.size < most) {
        consider(taskType);
      }
      return series.get(taskType) ?? other;
    },
    all: () => series,
  };
}
