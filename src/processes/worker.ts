import type { ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import type { Config } from '../config/config.js';
import type { Log } from '../log/log.js';
import { isMessage, WORKER_ARGUMENT, type Message } from './messages.js';
import type { MetricsOfAll } from './metricsOfAll.js';

/** A worker, seen from the primary process that has started it. */
export interface WorkerProcess {
  /** Resolves when it has ended and all that it has logged is handed on. */
  ended: Promise<WorkerEnd>;
  /** Lets it drain and end, as a signal does. */
  stop: () => void;
  /** Ends it at once. */
  kill: () => void;
}

export interface WorkerEnd {
  pid: number | undefined;
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Why it has given up, in its own words. */
  reason: string | undefined;
  hasListened: boolean;
}

/**
 * To be called once, before the first startWorker().
 *
 * Connections are handed to the workers in turn (SCHED_RR), which costs some 20 µs for each, and nothing for
 * the requests on it. Left to the kernel (SCHED_NONE), they go to whichever worker wakes up first, and stay
 * there: of 64 that a proxy opens at once and keeps, one of four workers got two thirds on average, where
 * its share of MAX_REQUESTS_IN_FLIGHT is a quarter. And so the port is the primary's alone: when the primary
 * is gone, the port is free.
 */
export function prepareWorkers(): void {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.setupPrimary({
    args: [WORKER_ARGUMENT],
    // Its log comes through a pipe, which keeps what a process has written before it died.
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // JSON would lose Infinity and the digests of keys.
    serialization: 'advanced',
  });
}

/** @param options.forward is handed whole lines */
export function startWorker(
  config: Config,
  options: {
    log: Log;
    forward: (lines: Buffer) => void;
    metrics: MetricsOfAll;
    onListening: (port: number) => void;
  },
): WorkerProcess {
  const { log, forward, metrics, onListening } = options;
  const worker = cluster.fork();
  const { process: child } = worker;
  const lines = createLineSplitter(forward);
  const handles = watchHandles(child, () => isStopping);
  const leaveMetrics = metrics.add(worker);
  let hasJoined = false;
  let hasListened = false;
  let isStopping = false;
  let reason: string | undefined;
  const tell = (message: Message): void => {
    // Without a callback, a failure would be an `error` event.
    worker.send(message, () => undefined);
  };

  // A channel that breaks is that of a worker that ends, which is told by `close`.
  worker.on('error', () => undefined);
  worker.on('message', (message: unknown) => {
    if (isMessage(message, 'failed')) {
      reason = message.reason;
    } else if (isMessage(message, 'joined')) {
      hasJoined = true;
      tell({ orchestrator: 'config', config });
      if (isStopping) {
        tell({ orchestrator: 'stop' });
      }
    }
  });
  worker.on('listening', ({ port }) => {
    hasListened = true;
    onListening(port);
  });
  child.stdout?.on('data', lines.add);
  const ended = new Promise<WorkerEnd>((resolve) => {
    child.once('close', (code: number | null, signal: NodeJS.Signals | null) => {
      leaveMetrics();
      // One that has left in order has taken or refused what was handed to it.
      if (!worker.exitedAfterDisconnect) {
        handles.closeUntaken();
      }
      const { pid } = child;
      const line = lines.rest();
      if (line !== '') {
        log.warning('A process has ended in the middle of a line', { pid, line });
      }
      resolve({ pid, code, signal, reason, hasListened });
    });
  });
  return {
    ended,
    stop() {
      isStopping = true;
      handles.closeRefused();
      if (hasJoined) {
        tell({ orchestrator: 'stop' });
      }
    },
    kill() {
      child.kill('SIGKILL');
    },
  };
}

/** Ends all workers of this process at once, if it has some. */
export function killWorkers(): void {
  for (const worker of Object.values(cluster.workers ?? {})) {
    worker?.process.kill('SIGKILL');
  }
}

/** The connections that are handed to a worker. Node hands on one at a time, and waits for a worker to take it. */
interface Handles {
  /** Closes the one that a dead worker has not taken. */
  closeUntaken: () => void;
  /** Closes the one that it has refused, where all stop: the others refuse it too. */
  closeRefused: () => void;
}

/**
 * Watches them, as Node keeps open for ever what nobody takes (`handoff` and `distribute` of
 * lib/internal/cluster/round_robin_handle.js): its client would wait for ever too.
 */
function watchHandles(child: ChildProcess, isStopping: () => boolean): Handles {
  const send = child.send.bind(child) as (...values: unknown[]) => boolean;
  let latest: { close: () => void } | undefined;
  let isRefused = false;
  // To close what is closed does nothing.
  const closeRefused = (): void => {
    if (isRefused && isStopping()) {
      latest?.close();
    }
  };
  child.send = (...values: unknown[]): boolean => {
    const [, handle] = values;
    if (typeof handle === 'object' && handle !== null && 'close' in handle) {
      latest = handle as { close: () => void };
      isRefused = false;
    }
    return send(...values);
  };
  // The answer to a handle, as `onconnection` of lib/internal/cluster/child.js sends it.
  child.on('internalMessage', (message: { accepted?: boolean }) => {
    if (message.accepted === false) {
      isRefused = true;
      closeRefused();
    }
  });
  return {
    closeUntaken() {
      latest?.close();
    },
    closeRefused,
  };
}

const LINE_END = 0x0a;

/** Hands on whole lines, as many as have come, and keeps the beginning of the next one. */
function createLineSplitter(forward: (lines: Buffer) => void): {
  add: (chunk: Buffer) => void;
  rest: () => string;
} {
  let rest: Buffer = Buffer.alloc(0);
  return {
    add(chunk) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const end = bytes.lastIndexOf(LINE_END) + 1;
      if (end > 0) {
        forward(bytes.subarray(0, end));
      }
      rest = bytes.subarray(end);
    },
    rest: () => rest.toString(),
  };
}
