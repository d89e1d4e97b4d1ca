import { setTimeout as pause } from 'node:timers/promises';

/** Below the time that mocha gives a hook. */
const CLOSED_WITHIN_MS = 15_000;

let atStart: readonly string[] = [];

/** As an uncaught exception, which mocha counts as a failure: it passes over a rejection that nobody handles. */
function failTheRun(reason: unknown): never {
  throw reason;
}

/**
 * Hooks around each file where mocha runs files in processes of their own, and around all of them where it runs
 * them one after another: an unhandled rejection or a handle that a spec leaves open fails the run.
 */
export const mochaHooks = {
  async beforeAll(): Promise<void> {
    process.on('unhandledRejection', failTheRun);
    // Mocha sets the timer of an asynchronous hook when it has been called.
    await Promise.resolve();
    atStart = process.getActiveResourcesInfo();
  },

  /** What was just closed may take a moment. */
  async afterAll(): Promise<void> {
    await Promise.resolve();
    const deadline = performance.now() + CLOSED_WITHIN_MS;
    for (let open = leftOpen(); open.length > 0; open = leftOpen()) {
      if (performance.now() > deadline) {
        throw new Error(`Still open: ${open.join(', ')}`);
      }
      await pause(20, undefined, { ref: false });
    }
    process.off('unhandledRejection', failTheRun);
  },
};

/** The kinds of what keeps this process running and was not there at the start, such as TCPSocketWrap. */
function leftOpen(): string[] {
  const known = [...atStart];
  return process.getActiveResourcesInfo().filter((kind) => {
    const index = known.indexOf(kind);
    if (index === -1) {
      return true;
    }
    known.splice(index, 1);
    return false;
  });
}
