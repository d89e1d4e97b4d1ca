/**
 * How many functions run in one turn: about as many requests as go to Redis together. With more, those that have their
 * answer wait longer to hear it, and more are half done at the same time, each with three times the memory of one that
 * waits.
 */
const MOST_PER_TURN = 32;

/**
 * Returns what runs functions together once the event loop's turn has brought all it brings. A small body is whole by
 * then, and is read without listeners, and what these requests need of Redis goes out in one write: handled as they
 * come, results cost far more CPU time (`npm run bench -- --against`).
 */
export function createTurn(): (run: () => void) => void {
  const waiting: (() => void)[] = [];
  const runNext = (): void => {
    const next = waiting.splice(0, MOST_PER_TURN);
    if (waiting.length > 0) {
      setImmediate(runNext);
    }
    for (const run of next) {
      run();
    }
  };
  return (run) => {
    if (waiting.push(run) === 1) {
      setImmediate(runNext);
    }
  };
}
