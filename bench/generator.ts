import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { Job, Outcome, Reply } from './load.js';

/** The process that makes the load. */
export interface Generator {
  /** Throws when an answer is no 2xx, is not what it ought to be, or is missing. */
  run: (job: Job) => Promise<Outcome>;
  stop: () => Promise<void>;
}

export function startGenerator(): Generator {
  const child = fork(fileURLToPath(new URL('./load.js', import.meta.url)));
  let ended = false;
  const exited = once(child, 'exit').then(() => {
    ended = true;
  });
  return {
    run: async (job) => {
      const reply = once(child, 'message') as Promise<[Reply]>;
      child.send(job);
      const first = await Promise.race([reply, exited]);
      if (!Array.isArray(first)) throw new Error('The load generator has ended');
      if ('error' in first[0]) throw new Error(first[0].error);
      return first[0].outcome;
    },
    stop: async () => {
      if (!ended) child.disconnect();
      await exited;
    },
  };
}
