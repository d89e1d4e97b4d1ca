import { distance } from 'fastest-levenshtein';

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
    .map((name) => ({ name, letters: distance(text, name) }))
    .filter(({ letters }) => letters <= most)
    .sort((one, other) => one.letters - other.letters || (one.name < other.name ? -1 : 1));
  const least = near[0]?.letters ?? 0;
  return near
    .filter(({ letters }) => letters <= least + 1)
    .slice(0, MAXIMUM_NAMES)
    .map(({ name }) => name);
}
