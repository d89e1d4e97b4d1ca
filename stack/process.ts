import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

import { QuickstartError } from './failure.js';
import { forgetGroup, guardGroup, signalGroup } from './processGroup.js';
import { pause } from './wait.js';

const KEPT_LINES = 40;
const SHOWN_LINES = 15;

export interface ProcessOptions {
  /** What messages call it, such as "Celery worker". */
  name: string;
  command: string;
  arguments: readonly string[];
  /** The whole environment; nothing is inherited. */
  environment: NodeJS.ProcessEnv;
  folder: string;
  /** Called with each line of standard output and standard error. */
  onLine?: ((line: string) => void) | undefined;
}

export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface RunningProcess {
  name: string;
  pid: number;
  /** Resolves when the process has ended and its output is read; never rejects. */
  exited: Promise<ProcessEnd>;
  /** The last 40 lines of standard output and standard error, oldest first. */
  output: () => string[];
  /** Sends a signal to this process alone; does nothing once it has ended. */
  send: (signal: NodeJS.Signals) => void;
  /** SIGTERM to the process, SIGKILL to its whole group after `graceMs` (10 s); resolves when all are gone. */
  stop: (graceMs?: number) => Promise<void>;
}

/**
 * Starts a process as leader of its own group, so that Ctrl-C in a terminal doesn't reach it and
 * whatever it leaves behind can be found. No process of the group outlives its leader or, unless this
 * process is killed with SIGKILL, this process.
 * Throws a QuickstartError if the command can't be run.
 */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const child = spawn(options.command, options.arguments, {
    cwd: options.folder,
    env: options.environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  try {
    await once(child, 'spawn');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new QuickstartError(`${options.name} can't be started: ${reason}`, { cause: error });
  }
  const { pid } = child;
  if (pid === undefined) throw new Error(`${options.name} has no process id`);
  guardGroup(pid);

  const lines: string[] = [];
  const keepLine = (line: string): void => {
    lines.push(line);
    if (lines.length > KEPT_LINES) lines.shift();
    options.onLine?.(line);
  };
  readLines(child.stdout, keepLine);
  readLines(child.stderr, keepLine);

  let ended = false;
  child.once('exit', () => {
    ended = true;
    signalGroup(pid, 'SIGKILL');
    // A process that has left the group may hold the pipes open, and 'close' would wait for it.
    setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
    }, 500).unref();
  });
  const exited = new Promise<ProcessEnd>((resolve) => {
    child.once('close', (code: number | null, signal: NodeJS.Signals | null) => {
      forgetGroup(pid);
      resolve({ code, signal });
    });
  });

  return {
    name: options.name,
    pid,
    exited,
    output: () => [...lines],
    send: (signal) => {
      if (!ended) child.kill(signal);
    },
    stop: async (graceMs = 10_000) => {
      child.kill('SIGTERM');
      // A process stopped by SIGSTOP takes SIGTERM only once it goes on.
      child.kill('SIGCONT');
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs);
      await exited;
      clearTimeout(timer);
      await groupGone(pid);
    },
  };
}

/**
 * Runs a command to its end, or stops it when `signal` is aborted and throws the signal's reason.
 * Resolves whatever its exit code is.
 */
export async function runCommand(
  options: ProcessOptions,
  signal?: AbortSignal,
): Promise<ProcessEnd & { output: string[] }> {
  signal?.throwIfAborted();
  const running = await startProcess(options);
  const stop = (): Promise<void> => running.stop(2000);
  const onAbort = (): void => void stop();
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  const end = await running.exited;
  signal?.removeEventListener('abort', onAbort);
  if (signal?.aborted) await stop();
  signal?.throwIfAborted();
  return { ...end, output: running.output() };
}

export interface Readiness {
  isReady: () => boolean | Promise<boolean>;
  /** How long after an answer it is asked again, until true: 50 ms unless given. */
  intervalMs?: number;
  deadlineMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * Waits until a process is ready; stops it if it isn't in time.
 * Throws a QuickstartError with the tail of its output when it ends or misses the deadline, and the
 * signal's reason when that is aborted.
 */
export async function untilReady(running: RunningProcess, readiness: Readiness): Promise<void> {
  const deadline = Date.now() + readiness.deadlineMs;
  let end: ProcessEnd | undefined;
  void running.exited.then((value) => {
    end = value;
  });
  try {
    for (;;) {
      await pause(readiness.intervalMs ?? 50, readiness.signal);
      if (end) throw endedError(running, end, 'before it was ready');
      if (await readiness.isReady()) return;
      if (Date.now() < deadline) continue;
      const seconds = Math.round(readiness.deadlineMs / 1000);
      throw new QuickstartError(
        `${running.name} is not ready after ${seconds} s.${tail(running.output())}`,
      );
    }
  } catch (error) {
    await running.stop(2000);
    throw error;
  }
}

/** Says that a process ended, how, and what it last wrote. */
export function endedError(
  running: RunningProcess,
  end: ProcessEnd,
  when: string,
): QuickstartError {
  const how = end.signal ?? `exit code ${String(end.code)}`;
  return new QuickstartError(`${running.name} ended (${how}) ${when}.${tail(running.output())}`);
}

/** The last lines of an output as the end of a message, indented; empty if there are none. */
export function tail(output: readonly string[]): string {
  const lines = output.filter((line) => line.trim() !== '').slice(-SHOWN_LINES);
  return lines.length === 0
    ? ''
    : ` It last wrote:\n${lines.map((line) => `  | ${line}`).join('\n')}`;
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream }).on('line', onLine);
}

async function groupGone(pid: number): Promise<void> {
  // Bounded, because a zombie that nobody reaps stays in its group for ever.
  for (let attempt = 0; attempt < 50 && signalGroup(pid, 'SIGKILL'); attempt++) await pause(20);
}
