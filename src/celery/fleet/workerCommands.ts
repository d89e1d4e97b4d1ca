import { ask, type Answer } from '../../redis/ask.js';
import type { Connection } from '../../redis/connection.js';
import type { Failure } from '../../redis/failure.js';
import { workerBinding } from '../wire/controlMessage.js';
import { fieldsOf } from '../wire/received.js';
import type { Broadcast, ControlOptions } from './control.js';
import { concurrencyOf } from './workersView.js';

/** What has become of a command for one worker. */
export type CommandOutcome =
  /** In the worker's own words; empty for a command without a reply. */
  | { kind: 'done'; message: string }
  | { kind: 'refused'; message: string }
  /** It listens, or did until it was killed, and has not replied in time. Whether the command was sent to it. */
  | { kind: 'silent'; wasSent: boolean }
  /** No worker has this name. The hostnames of those that have answered. */
  | { kind: 'unknown'; hostnames: readonly string[] }
  /** Redis was not reached, or has refused. The worker may have heard the command all the same. */
  | ({ kind: 'failed' } & Failure);

/** Tells one worker, by its hostname, to run a command of celery/worker/control.py. Never rejects. */
export interface WorkerCommands {
  tell: (hostname: string, method: string, values?: object) => Promise<CommandOutcome>;
  /** How many tasks it runs at once; undefined where it does not say. */
  poolSize: (hostname: string) => Promise<number | undefined>;
  /** Has a worker that answers end itself, to which it does not reply. */
  shutDown: (hostname: string) => Promise<CommandOutcome>;
}

/** How long Redis may take to say whether a worker is known. */
const PATIENCE_MS = 1_000;

/** @param naming as in `ControlOptions` */
export function createWorkerCommands(
  broadcast: Broadcast,
  connection: () => Connection,
  naming: Pick<ControlOptions, 'keyPrefix' | 'separator'>,
): WorkerCommands {
  const isKnown = async (hostname: string): Promise<Answer<boolean>> => {
    const { key, member } = workerBinding(hostname, naming);
    return ask(
      connection(),
      PATIENCE_MS,
      async (redis) => (await redis.sismember(`${naming.keyPrefix}${key}`, member)) === 1,
    );
  };
  /** Asks all workers which ones there are. */
  const lookFor = async (
    hostname: string,
  ): Promise<Answer<{ answers: boolean; mayListen: boolean; hostnames: readonly string[] }>> => {
    const others = await broadcast('ping');
    if ('reason' in others) {
      return others;
    }
    const { listeners, byWorker } = others.value;
    return {
      value: {
        answers: byWorker.has(hostname),
        mayListen: byWorker.has(hostname) || byWorker.size < listeners,
        hostnames: [...byWorker.keys()].sort(),
      },
    };
  };
  /** What keeps a command from being sent; undefined for nothing. A name that nobody has is known without waiting for it. */
  const obstacle = async (hostname: string): Promise<CommandOutcome | undefined> => {
    const known = await isKnown(hostname);
    if ('reason' in known) {
      return { kind: 'failed', ...known };
    }
    if (known.value) {
      return undefined;
    }
    // Whoever empties Redis takes the bindings of workers that go on.
    const found = await lookFor(hostname);
    if ('reason' in found) {
      return { kind: 'failed', ...found };
    }
    const { answers, hostnames } = found.value;
    return answers ? undefined : { kind: 'unknown', hostnames };
  };
  /** Why a worker has not replied: one that was killed is among the bindings still. */
  const missing = async (hostname: string, wasSent: boolean): Promise<CommandOutcome> => {
    const found = await lookFor(hostname);
    if ('reason' in found) {
      return { kind: 'failed', ...found };
    }
    const { mayListen, hostnames } = found.value;
    return mayListen ? { kind: 'silent', wasSent } : { kind: 'unknown', hostnames };
  };

  return {
    async tell(hostname, method, values = {}) {
      const outcome = await obstacle(hostname);
      if (outcome !== undefined) {
        return outcome;
      }
      const answer = await broadcast(method, values, { destination: [hostname] });
      if ('reason' in answer) {
        return { kind: 'failed', ...answer };
      }
      const { byWorker } = answer.value;
      return byWorker.has(hostname)
        ? outcomeOf(byWorker.get(hostname))
        : await missing(hostname, true);
    },
    async poolSize(hostname) {
      const answer = await broadcast('stats', {}, { destination: [hostname] });
      const stats = 'value' in answer ? answer.value.byWorker.get(hostname) : undefined;
      return concurrencyOf(fieldsOf(fieldsOf(stats).pool)) ?? undefined;
    },
    async shutDown(hostname) {
      const outcome = await obstacle(hostname);
      if (outcome !== undefined) {
        return outcome;
      }
      const there = await broadcast('ping', {}, { destination: [hostname] });
      if ('reason' in there) {
        return { kind: 'failed', ...there };
      }
      if (!there.value.byWorker.has(hostname)) {
        return missing(hostname, false);
      }
      // `shutdown` of celery/worker/control.py raises SystemExit, after which `dispatch` of kombu/pidbox.py sends no reply.
      const sent = await broadcast('shutdown', {}, { destination: [hostname], waits: false });
      return 'reason' in sent ? { kind: 'failed', ...sent } : { kind: 'done', message: '' };
    },
  };
}

/** `ok` and `nok` of celery/worker/control.py; `dispatch` of kombu/pidbox.py makes the latter of an exception. */
function outcomeOf(reply: unknown): CommandOutcome {
  const { ok, error } = fieldsOf(reply);
  return error === undefined
    ? { kind: 'done', message: wordsOf(ok) }
    : { kind: 'refused', message: wordsOf(error) };
}

function wordsOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}
