import { constants } from 'node:os';

const groups = new Set<number>();
let listening = false;

/** Makes sure that the process group led by `pid` is killed when this process ends. */
export function guardGroup(pid: number): void {
  groups.add(pid);
  if (listening) return;
  listening = true;
  process.on('exit', () => {
    for (const group of groups) signalGroup(group, 'SIGKILL');
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // Node dies of these without an 'exit' event unless somebody listens. Who listens besides this
      // guard decides what happens, and ends the process in an orderly way.
      if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
    });
  }
}

export function forgetGroup(pid: number): void {
  groups.delete(pid);
}

/** Sends a signal to each process of the group that `pid` leads; false if none is left. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    // ESRCH: the group is gone. EPERM: on macOS, only zombies are left in it.
    return false;
  }
}
