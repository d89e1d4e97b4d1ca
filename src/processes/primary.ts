import cluster from 'node:cluster';
import type { Config } from '../config/config.js';
import type { MetricsExchange } from '../metrics/metrics.js';
import { isMessage, WORKER_ARGUMENT, type Message, type MessageOf } from './messages.js';
import { createMetricsExchange } from './metricsExchange.js';

/** A worker's view of its primary process. */
export interface Primary {
  /** The configuration as the primary read it: .env may have changed since. */
  config: Promise<Config>;
  /** Resolves when the primary stops or is gone. */
  stopped: Promise<string>;
  /** Calls this function each time that the tasks files are to be read again. */
  onReload: (reload: () => void) => void;
  /** Reports why this worker gives up. */
  fail: (reason: string) => void;
  /** Closes the channel, which keeps this process alive. */
  leave: () => void;
  metrics: MetricsExchange;
}

/**
 * Joins the primary if this process is one of its workers; returns undefined in any other process.
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
      // Otherwise Node ends the process right after this listener, whatever is in flight.
      worker.exitedAfterDisconnect = true;
      resolve('disconnect');
    });
  });
  const primary: Primary = {
    config: received('config').then(({ config }) => config),
    stopped: Promise.race([received('stop').then(() => 'stop'), disconnected]),
    onReload(reload) {
      worker.on('message', (message: unknown) => {
        if (isMessage(message, 'reload')) {
          reload();
        }
      });
    },
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
  // A send to a primary that is gone fails; `disconnect` reports that already.
  worker.on('error', () => undefined);
  // Sent once the listeners are there: the primary waits for it, as earlier messages would be lost.
  tell({ orchestrator: 'joined' });
  return primary;
}
