/**
 * The value below or at which `percent` of the values lie, by nearest rank; NaN of none.
 * The values are sorted from small to large.
 */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? NaN;
}

/** The middle value; of an even number, the mean of the middle two. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? NaN;
  const lower = sorted[Math.ceil(middle) - 1] ?? NaN;
  return (lower + upper) / 2;
}

/** The median of the values that are known; undefined if none is. */
export function knownMedian(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : median(known);
}

/** How many times `part` goes into `whole`; undefined unless both are known and `part` is above zero. */
export function ratio(whole: number | undefined, part: number | undefined): number | undefined {
  return whole === undefined || part === undefined || part <= 0 ? undefined : whole / part;
}
