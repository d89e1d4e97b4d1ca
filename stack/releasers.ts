import { createReleasers, type Release } from '../src/service/releasers.js';

export type { Release };

/**
 * Runs `work`, which hands over a release for each thing it opens, then runs the releases last in,
 * first out, whether `work` succeeded or not.
 * Throws the first error, of `work` or of a release; an error never keeps a later release from running.
 */
export async function withReleasers<T>(
  work: (releaseLater: (release: Release) => void) => Promise<T>,
): Promise<T> {
  const releasers = createReleasers();
  let value: T;
  try {
    value = await work(releasers.push);
  } catch (error) {
    await releasers.run().catch(() => undefined);
    throw error;
  }
  await releasers.run();
  return value;
}
