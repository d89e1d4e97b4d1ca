import type { ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import type { Config } from '../config/config.js';
import type { Log } from '../log/log.js';
import { isMessage, WORKER_ARGUMENT, type Message } from './messages.js';
import type { MetricsOfAll } from './metricsOfAll.js';

/** The primary's view of one of its workers. */
export interface WorkerProcess {
  /** Resolves when the worker has ended and its whole log is forwarded. */
  ended: Promise<WorkerEnd>;
  /** Lets the worker drain and end, as SIGTERM does. */
  stop: () => void;
  /** Lets the worker read the tasks files again; one that starts reads them in any case. */
  reload: () => void;
  /** Ends the worker at once. */
  kill: () => void;
}

export interface WorkerEnd {
  pid: number | undefined;
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Why the worker gave up, as it reported itself. */
  reason: string | undefined;
  hasListened: boolean;
}

/**
 * Sets up node:cluster. To be called once, before the first startWorker().
 *
 * The primary hands connections to the workers in turn (SCHED_RR): some 20 µs per connection, nothing per request. With
 * SCHED_NONE the kernel gives them to whichever worker wakes up first: of 64 connections that a proxy opened at once,
 * one of four workers got two thirds on average, but has a quarter of MAX_REQUESTS_IN_FLIGHT. With SCHED_RR, too, the
 * primary alone holds the port, so that the port is free when the primary is gone.
 */
export function prepareWorkers(): void {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.setupPrimary({
    args: [WORKER_ARGUMENT],
    // The log comes through a pipe, which still holds what a worker wrote before it died.
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // JSON would lose Infinity and the digests of API keys, which are Buffers.
    serialization: 'advanced',
  });
}

/** @param options.forward receives whole lines */
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
    // Without a callback, a failed send would be an `error` event.
    worker.send(message, () => undefined);
  };

  // The channel breaks when a worker ends; `close` reports that.
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
      // A worker that left in order has taken or refused every connection.
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
    reload() {
      if (hasJoined) {
        tell({ orchestrator: 'reload' });
      }
    },
    kill() {
      child.kill('SIGKILL');
    },
  };
}

/** Ends all workers of this process at once. */
export function killWorkers(): void {
  for (const worker of Object.values(cluster.workers ?? {})) {
    worker?.process.kill('SIGKILL');
  }
}

/** The connection that Node is handing to a worker. Node hands over one at a time and waits for the answer. */
interface Handles {
  /** Closes the connection that a dead worker has not taken. */
  closeUntaken: () => void;
  /** While all workers stop: closes the connection that this worker refused, as the others refuse it too. */
  closeRefused: () => void;
}

/**
 * Node never closes a connection that no worker takes, so that its client would wait for ever (`handoff` and `distribute`
 * in Node's lib/internal/cluster/round_robin_handle.js). There is no public way to see it: this replaces `child.send`
 * and reads `internalMessage`. `reusePort` (Node.js 22.12) makes it needless.
 */
function watchHandles(child: ChildProcess, isStopping: () => boolean): Handles {
  const send = child.send.bind(child) as (...values: unknown[]) => boolean;
  let latest: { close: () => void } | undefined;
  let isRefused = false;
  // Closing twice does nothing.
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
  // A worker's answer to a connection, sent by `onconnection` in Node's lib/internal/cluster/child.js.
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

/** Forwards the whole lines of each chunk together, and keeps the beginning of the next line. */
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
