/** How many names are given at most. */
const MAXIMUM_NAMES = 3;

/**
 * The names that differ from `text` in at most a third of its characters, the nearest first; none that is
 * further away than the nearest by more than one character.
 */
export function nearestTo(text: string, names: readonly string[]): string[] {
  const most = Math.max(2, Math.ceil(text.length / 3));
  const near = names
    .filter((name) => Math.abs(name.length - text.length) <= most)
    .map((name) => ({ name, distance: distanceBetween(text, name) }))
    .filter(({ distance }) => distance <= most)
    .sort((one, other) => one.distance - other.distance || (one.name < other.name ? -1 : 1));
  const least = near[0]?.distance ?? 0;
  return near
    .filter(({ distance }) => distance <= least + 1)
    .slice(0, MAXIMUM_NAMES)
    .map(({ name }) => name);
}

/** Levenshtein's distance: how many characters are to be added, left out or replaced. */
function distanceBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 0; at < one.length; at += 1) {
    const next = [at + 1];
    for (let index = 0; index < other.length; index += 1) {
      const replaced = (row[index] ?? 0) + (one[at] === other[index] ? 0 : 1);
      next.push(Math.min(replaced, (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
