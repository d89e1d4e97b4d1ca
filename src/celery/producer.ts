import type { CeleryClient } from './client.js';
import { within } from './connection.js';
import { messageOf, type Task } from './message.js';

/**
 * What became of a message. `queued` is true to the fact: `yes` (Redis has acknowledged it), `no` (it
 * is in no queue and never will be), or `unknown` (sent, but never acknowledged: it may run). `reason`
 * is for the caller, `cause` for the log.
 */
export type SendOutcome =
  { queued: 'yes' } | { queued: 'no' | 'unknown'; reason: string; cause?: unknown };

export type SendTask = (task: Task, milliseconds: number) => Promise<SendOutcome>;

/** Returns the function that publishes a task and waits for Redis, `milliseconds` at most. */
export function createProducer({ celery, broker }: CeleryClient): SendTask {
  return async (task, milliseconds) => {
    const deadline = performance.now() + milliseconds;
    const { body, headers, properties } = messageOf(celery, task);
    const connected = await broker.untilReady(milliseconds);
    if (!connected || !broker.redis.stream.writable) {
      return { queued: 'no', reason: "the message broker can't be reached" };
    }
    const published = celery.broker
      .publish(body, '', task.queue, headers, properties)
      .then(() => ({ queued: 'yes' }) as const, outcomeOfFailure);
    const outcome = await within(deadline - performance.now(), published);
    return (
      outcome ?? { queued: 'unknown', reason: 'the message broker did not acknowledge in time' }
    );
  };
}

/** A ReplyError is Redis's answer that it has refused the command. */
function outcomeOfFailure(cause: unknown): SendOutcome {
  if (cause instanceof Error && cause.name === 'ReplyError') {
    return { queued: 'no', reason: 'the message broker refused it', cause };
  }
  return { queued: 'unknown', reason: 'the connection to the message broker was cut', cause };
}
