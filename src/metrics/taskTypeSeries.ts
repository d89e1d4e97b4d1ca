/** The series of each task type. There are few of them, whatever clients send. */
export interface TaskTypeSeries<Series> {
  /** @param isQueued whether a task of this type has just been queued, which speaks for the type */
  of: (taskType: string, isQueued: boolean) => Series;
  all: () => Iterable<readonly [taskType: string, series: Series]>;
}

/** The task type of all those that have no series of their own. It is well-formed: a task type may be called so. */
const OTHER = 'other';

/** Of task types that the contract does not describe. */
const MOST_SERIES = 100;

/**
 * How often a type must have been queued before it has a series of its own. This service can't tell a task type
 * that a worker has from one that was made up: those are made up anew each time, such as with an id in them.
 */
const QUEUED_OFTEN = 10;

/** When so many types are candidates, they are forgotten: each was queued less than QUEUED_OFTEN times. */
const MOST_CANDIDATES = 1_000;

/** @param named those that have a series from the start */
export function createTaskTypeSeries<Series>(
  named: readonly string[],
  make: (taskType: string) => Series,
): TaskTypeSeries<Series> {
  const series = new Map(named.map((taskType) => [taskType, make(taskType)]));
  const other = series.get(OTHER) ?? make(OTHER);
  series.set(OTHER, other);
  const most = series.size + MOST_SERIES;
  const candidates = new Map<string, number>();

  const consider = (taskType: string): void => {
    const count = (candidates.get(taskType) ?? 0) + 1;
    if (count < QUEUED_OFTEN) {
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
      return other;
    },
    all: () => series,
  };
}
