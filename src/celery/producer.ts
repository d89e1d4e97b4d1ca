import { untilReady, within, type Connections } from './connections.js';
import { messageOf, type Task } from './message.js';

/**
 * What became of a message. `queued` is true to the fact: `yes` (Redis has acknowledged it), `no` (it
 * is in no queue and never will be), or `unknown` (sent, but never acknowledged: it may run).
 */
export type SendOutcome = { queued: 'yes' } | { queued: 'no' | 'unknown'; reason: string };

export type SendTask = (task: Task, milliseconds: number) => Promise<SendOutcome>;

/** Returns the function that publishes a task and waits for Redis, `milliseconds` at most. It never rejects. */
export function createProducer(connections: Pick<Connections, 'client' | 'broker'>): SendTask {
  const { client, broker } = connections;

  return async (task, milliseconds) => {
    const deadline = performance.now() + milliseconds;
    const connected = await untilReady(broker, milliseconds);
    if (!connected || !broker.stream.writable) {
      return { queued: 'no', reason: "the message broker can't be reached" };
    }
    const { body, headers, properties } = messageOf(client, task);
    const published = client.broker
      .publish(body, '', task.queue, headers, properties)
      .then(() => ({ queued: 'yes' }) as const, outcomeOfFailure);
    const outcome = await within(deadline - performance.now(), published);
    return (
      outcome ?? { queued: 'unknown', reason: 'the message broker did not acknowledge in time' }
    );
  };
}

/** Redis answers a command that it refuses with an error whose first word is its code, such as OOM. */
function outcomeOfFailure(error: unknown): SendOutcome {
  if (error instanceof Error && error.name === 'ReplyError') {
    const code = /^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR';
    return { queued: 'no', reason: `the message broker refused it (${code})` };
  }
  return { queued: 'unknown', reason: 'the connection to the message broker was cut' };
}
