import type { Failure } from '../../redis/failure.js';

/**
 * The fate of a message, as far as is known:
 *
 * - `assigned`: it is in its queue, and Redis has acknowledged it
 * - `repeated`: in no queue, as an earlier message has made the same claim
 * - `full`: in no queue, as its queue holds as many messages as it may
 * - `refused`: in no queue, and it never will be
 * - `unknown`: sent and not acknowledged, so that it may be in its queue
 */
export type Fate = 'assigned' | 'repeated' | 'full' | 'refused' | 'unknown';

/** The fate that metrics count: a message's, or `invalid` for a task that could not be sent as it was asked for. */
export type CountedFate = Fate | 'invalid';

/** @param seconds from the validated request to the answer of Redis, or to the end of the wait for it */
export type CountAssignment = (taskType: string, fate: CountedFate, seconds: number) => void;

/** The fate of a message, or of several that go together, with what is known of it. */
export type Outcome =
  | { fate: 'assigned' }
  | { fate: 'full' }
  /** `value` is what the earlier message has kept with its claim. */
  | { fate: 'repeated'; value: string }
  | ({ fate: 'refused' | 'unknown' } & Failure);
