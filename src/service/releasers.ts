/** Closes one thing that was opened. */
export type Release = () => Promise<void>;

/** Closes what was opened, the last thing first. */
export interface Releasers {
  /** Call it as soon as a thing is open, so that a failure of the next step closes it too. */
  push: (release: Release) => void;
  /** Runs every release, also after one that fails. Rejects with the first error. Runs none twice. */
  run: () => Promise<void>;
}

export function createReleasers(): Releasers {
  const releases: Release[] = [];
  return {
    push(release) {
      releases.push(release);
    },
    async run() {
      const errors: unknown[] = [];
      for (const release of releases.splice(0).reverse()) {
        try {
          await release();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) {
        throw errors[0];
      }
    },
  };
}
