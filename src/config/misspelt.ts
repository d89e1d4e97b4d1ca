import { distance } from 'fastest-levenshtein';

/** In letters that are added, left out or replaced. */
const FURTHEST = 2;

/** Whether a word is none of the known ones but nearly so: in other case, or up to two letters away. */
export function isMisspelt(word: string, known: readonly string[]): boolean {
  return known.some(
    (other) => word !== other && distance(word.toLowerCase(), other.toLowerCase()) <= FURTHEST,
  );
}

/**
 * The variables that are none of the known ones but nearly so: in other case, or up to two letters away. Each
 * as `NAME (KNOWN?)`. What is further away may be somebody else's.
 */
export function misspeltVariables(
  environment: Readonly<Record<string, string | undefined>>,
  known: ReadonlySet<string>,
): readonly string[] {
  return Object.keys(environment)
    .filter((name) => !known.has(name))
    .flatMap((name) => {
      // No name is nearer than the difference of the lengths, which most others are too far by.
      const [nearest] = [...known]
        .filter((other) => Math.abs(other.length - name.length) <= FURTHEST)
        .map((other) => ({ other, letters: distance(name.toUpperCase(), other) }))
        .sort((one, two) => one.letters - two.letters);
      return nearest !== undefined && nearest.letters <= FURTHEST
        ? [`${name} (${nearest.other}?)`]
        : [];
    });
}
