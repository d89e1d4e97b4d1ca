/** How long to wait before the next try, in milliseconds. */
export interface Backoff {
  next: (atLeast?: number) => number;
  reset: () => void;
}

const FIRST_MS = 500;
const MOST_MS = 15_000;

/** Waits that double, each up to a half longer by chance, so that many pages don't come back at once. */
export function createBackoff(): Backoff {
  let wait = FIRST_MS;
  return {
    next(atLeast = 0) {
      const now = wait * (1 + Math.random() / 2);
      wait = Math.min(wait * 2, MOST_MS);
      return Math.max(now, atLeast);
    },
    reset() {
      wait = FIRST_MS;
    },
  };
}

/** Resolves after so many milliseconds, or as soon as the browser says that it is online again. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      removeEventListener('online', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener('online', done);
  });
}

/** Resolves when somebody can see the page: at once, if that is so now. */
export async function untilVisible(): Promise<void> {
  while (document.visibilityState !== 'visible') {
    await new Promise((resolve) => {
      document.addEventListener('visibilitychange', resolve, { once: true });
    });
  }
}
