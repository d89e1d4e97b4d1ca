import cluster from 'node:cluster';
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../config/config.js';
import type { Log } from '../log/log.js';
import type { Service } from '../service/service.js';
import { createMetricsOfAll, type MetricsOfAll } from './metricsOfAll.js';
import { prepareWorkers, startWorker, type WorkerEnd, type WorkerProcess } from './worker.js';

/** Processes failed to start, or to stop in order. The message is for the operator. */
export class ProcessFailure extends Error {
  override readonly name = 'ProcessFailure';
}

export interface ProcessesOptions {
  log: Log;
  /** Receives the workers' log as whole lines of JSON. */
  forward: (lines: Buffer) => void;
  /** Once it resolves, no more processes are started. */
  stopSignal: Promise<unknown>;
}

/**
 * Starts `config.process.count` workers, which are processes of this program. They share one port and divide the bounds
 * of what is in flight. Resolves when all listen. A worker that ends later is replaced, after a pause if it was young.
 * `close` lets all workers drain.
 *
 * @throws ProcessFailure if a worker can't start, once all have ended; `close` throws it if a worker did not drain
 */
export async function startProcesses(config: Config, options: ProcessesOptions): Promise<Service> {
  if (!cluster.isPrimary) {
    throw new ProcessFailure(
      'WEB_CONCURRENCY starts no processes inside of another cluster, such as that of pm2: set it to 1.',
    );
  }
  prepareWorkers();
  const stopping = new AbortController();
  const stop = (): void => {
    stopping.abort();
  };
  const crew: Crew = {
    ...options,
    metrics: createMetricsOfAll(),
    running: new Set(),
    stopping: stopping.signal,
    hasStarted: false,
    hasFailed: false,
  };
  const places = Array.from({ length: config.process.count }, (_, place) =>
    fillPlace(crew, configOfOneWorker(config, place)),
  );
  const emptied = Promise.allSettled(places.map(({ finished }) => finished));
  void options.stopSignal.then(stop);
  try {
    const ports = await Promise.all(places.map(({ started }) => started));
    crew.hasStarted = true;
    return {
      // No worker has a port if a stop came before they listened.
      port: ports.find((port) => port !== undefined) ?? config.http.port,
      reload() {
        each(crew, (worker) => {
          worker.reload();
        });
        return Promise.resolve();
      },
      async close() {
        stop();
        each(crew, (worker) => {
          worker.stop();
        });
        const { shutdownDelayMs, shutdownTimeoutMs } = config.process;
        const patience = shutdownDelayMs + shutdownTimeoutMs + GRACE_MS;
        const overdue = setTimeout(killAll, Math.min(patience, LONGEST_TIMER_MS), crew);
        await emptied;
        clearTimeout(overdue);
        if (crew.hasFailed) {
          throw new ProcessFailure('Not every process has stopped in order: the log says which.');
        }
      },
    };
  } catch (error) {
    stop();
    killAll(crew);
    await emptied;
    throw error;
  }
}

/** Added to the configured times before workers that do not stop are killed. */
const GRACE_MS = 5_000;

/** setTimeout's maximum: Node fires a longer timer at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A worker younger than SETTLED_MS is replaced after a pause, which doubles each time up to LONGEST_PAUSE_MS. */
const SETTLED_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Divides the bounds of what is in flight among the workers. Each can still take the largest body. What each would count
 * alike, the one in the first place counts alone.
 */
function configOfOneWorker(config: Config, place: number): Config {
  const { count } = config.process;
  const { bodyLimitBytes, inFlight, maxWaiters } = config.http;
  return {
    ...config,
    http: {
      ...config.http,
      inFlight: {
        requests: Math.max(1, Math.floor(inFlight.requests / count)),
        bytes: Math.max(bodyLimitBytes, Math.floor(inFlight.bytes / count)),
      },
      maxWaiters: Math.max(1, Math.floor(maxWaiters / count)),
    },
    tasks: { ...config.tasks, countsEvents: config.tasks.countsEvents && place === 0 },
    process: { ...config.process, count: 1 },
  };
}

/** `started` resolves with the port when a worker listens, or with undefined if a stop came first. */
function fillPlace(
  crew: Crew,
  config: Config,
): { started: Promise<number | undefined>; finished: Promise<void> } {
  let onListening: (port: number) => void = () => undefined;
  const listening = new Promise<number>((resolve) => {
    onListening = resolve;
  });
  const finished = keepFilled(crew, config, onListening);
  return { started: Promise.race([listening, finished.then(() => undefined)]), finished };
}

/** Runs one worker after the other until the stop. Rejects if one ends before it listens at the start. */
async function keepFilled(
  crew: Crew,
  config: Config,
  onListening: (port: number) => void,
): Promise<void> {
  const { log, stopping, running } = crew;
  const isOver = (): boolean => stopping.aborted;
  let pauseMs = 0;
  while (!isOver()) {
    const startedAt = performance.now();
    const worker = startWorker(config, { ...crew, onListening });
    running.add(worker);
    const end = await worker.ended;
    running.delete(worker);
    const { hasListened, ...fields } = end;
    if (isOver()) {
      if (end.code !== 0 && hasListened) {
        crew.hasFailed = true;
        log.critical('A process has ended before it had stopped in order', fields);
      }
      return;
    }
    if (!crew.hasStarted && !hasListened) {
      throw new ProcessFailure(
        end.reason ?? `${describeEnd(end)} before it listened: see the log.`,
      );
    }
    const isYoung = performance.now() - startedAt < SETTLED_MS;
    pauseMs = isYoung ? Math.min(Math.max(FIRST_PAUSE_MS, 2 * pauseMs), LONGEST_PAUSE_MS) : 0;
    // Exit code 0: somebody stopped this worker with a signal.
    const report = end.code === 0 ? log.warning : log.critical;
    report('A process has ended, and another takes its place', { ...fields, pause_ms: pauseMs });
    await pause(pauseMs, undefined, { signal: stopping }).catch(() => undefined);
  }
}

function describeEnd({ pid, code, signal }: WorkerEnd): string {
  return `The process ${String(pid)} has ended (${signal ?? `exit code ${String(code)}`})`;
}

function each({ running }: Crew, act: (worker: WorkerProcess) => void): void {
  for (const worker of running) {
    act(worker);
  }
}

function killAll(crew: Crew): void {
  each(crew, (worker) => {
    worker.kill();
  });
}

interface Crew extends ProcessesOptions {
  metrics: MetricsOfAll;
  running: Set<WorkerProcess>;
  stopping: AbortSignal;
  /** Whether every worker has listened once. */
  hasStarted: boolean;
  /** Whether a worker ended without draining during the stop. */
  hasFailed: boolean;
}
