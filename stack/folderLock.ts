import { startProcess, untilReady } from './process.js';
import type { Release } from './releasers.js';

// The kernel drops a flock with the process that holds it, so a crash leaves no stale lock and no lock
// file behind. Node has no flock; Python, which everything here needs anyway, has.
const HOLD_LOCK = `
import fcntl, os, sys, time
folder = os.open(sys.argv[1], os.O_RDONLY)
try:
    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    print("waiting", flush=True)
    fcntl.flock(folder, fcntl.LOCK_EX)
print("locked", flush=True)
while os.getppid() == int(sys.argv[2]):
    time.sleep(0.2)
`;

export interface FolderLockOptions {
  folder: string;
  /** Path of a Python that runs. */
  python: string;
  environment: NodeJS.ProcessEnv;
  /** Called when another process holds the lock. */
  onWait: () => void;
  deadlineMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * Takes the one lock on a folder, across all processes of this machine, and resolves to its release.
 * Throws a QuickstartError if another process holds it until the deadline.
 */
export async function lockFolder(options: FolderLockOptions): Promise<Release> {
  let locked = false;
  const holder = await startProcess({
    name: `The lock on ${options.folder}`,
    command: options.python,
    arguments: ['-c', HOLD_LOCK, options.folder, String(process.pid)],
    environment: options.environment,
    folder: options.folder,
    onLine: (line) => {
      if (line === 'waiting') options.onWait();
      if (line === 'locked') locked = true;
    },
  });
  const { deadlineMs, signal } = options;
  await untilReady(holder, { isReady: () => locked, deadlineMs, signal });
  return () => holder.stop();
}
