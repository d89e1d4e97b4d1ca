export type Release = () => Promise<void>;

/**
 * Runs `work`, which hands over a release for each thing it opens, then runs the releases last in,
 * first out, whether `work` succeeded or not.
 * Throws the first error, of `work` or of a release; an error never keeps a later release from running.
 */
export async function withReleasers<T>(
  work: (releaseLater: (release: Release) => void) => Promise<T>,
): Promise<T> {
  const releases: Release[] = [];
  const errors: unknown[] = [];
  const attempt = async <Value>(action: () => Promise<Value>): Promise<Value | undefined> => {
    try {
      return await action();
    } catch (error) {
      errors.push(error);
      return undefined;
    }
  };
  const outcome = await attempt(async () => ({
    value: await work((release) => {
      releases.push(release);
    }),
  }));
  for (const release of releases.reverse()) await attempt(release);
  if (outcome && errors.length === 0) return outcome.value;
  throw errors[0];
}
