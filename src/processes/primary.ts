import cluster from 'node:cluster';
import type { Config } from '../config/config.js';
import type { MetricsExchange } from '../metrics/metrics.js';
import { isMessage, WORKER_ARGUMENT, type Message, type MessageOf } from './messages.js';
import { createMetricsExchange } from './metricsExchange.js';

/** The primary process, seen from one of its workers. */
export interface Primary {
  /** What the primary has read; not the environment, which may have changed since. */
  config: Promise<Config>;
  /** Resolves when the primary stops, and when it is gone. */
  stopped: Promise<string>;
  /** Says why this worker gives up. */
  fail: (reason: string) => void;
  /** Lets this process end. */
  leave: () => void;
  metrics: MetricsExchange;
}

/**
 * The primary, for one of its workers; undefined in any other process.
 *
 * @param programArguments of this process
 */
export function joinPrimary(programArguments: readonly string[]): Primary | undefined {
  const { worker } = cluster;
  if (worker === undefined || !programArguments.includes(WORKER_ARGUMENT)) {
    return undefined;
  }
  const tell = (message: Message): void => {
    worker.send(message, () => undefined);
  };
  const received = <Kind extends Message['orchestrator']>(kind: Kind) =>
    new Promise<MessageOf<Kind>>((resolve) => {
      worker.on('message', (message: unknown) => {
        if (isMessage(message, kind)) {
          resolve(message);
        }
      });
    });
  const disconnected = new Promise<string>((resolve) => {
    worker.on('disconnect', () => {
      // Without this, Node ends the process once this listener has run, whatever is in flight.
      worker.exitedAfterDisconnect = true;
      resolve('disconnect');
    });
  });
  const primary: Primary = {
    config: received('config').then(({ config }) => config),
    stopped: Promise.race([received('stop').then(() => 'stop'), disconnected]),
    fail(reason) {
      tell({ orchestrator: 'failed', reason });
    },
    metrics: createMetricsExchange(worker),
    leave() {
      if (worker.isConnected()) {
        worker.disconnect();
      }
    },
  };
  // A primary that is gone can't be told anything, and `disconnect` says so.
  worker.on('error', () => undefined);
  // A message that nobody listens to yet is lost: the primary waits for this one.
  tell({ orchestrator: 'joined' });
  return primary;
}
