import { eventually } from '../eventually.js';
import type { Load } from './load.js';

/** Waits until the load has `count` answers more than now. */
export async function untilAnswers(load: Load, count: number, deadline?: number): Promise<void> {
  const wanted = load.answers.length + count;
  await eventually(
    `${count} more answers`,
    () => (load.answers.length >= wanted ? true : undefined),
    deadline,
  );
}

/** Waits for the first 200 to a request that was sent after `since`, and gives the time between, in milliseconds. */
export async function recoveryAfter(since: number, load: Load, deadline = 20_000): Promise<number> {
  const first = await eventually(
    'a request succeeds again',
    () => load.answers.find(({ startedAt, status }) => startedAt > since && status === 200),
    deadline,
  );
  return first.finishedAt - since;
}
