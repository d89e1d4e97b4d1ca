import { Refused, type Api } from './api.js';
import { createBackoff, pause, untilVisible } from './backoff.js';
import type { Keyring } from './key.js';
import { readTasks } from './taskReader.js';
import { readResult, type TaskResult } from './taskResult.js';
import { followTask, offersStreams } from './taskStream.js';

/** Keeps watching tasks until they have ended. */
export interface Watcher {
  watch: (taskId: string, listener: Listener) => void;
  forget: (taskId: string) => void;
}

export interface Listener {
  changed: (result: TaskResult) => void;
  /** The service can't tell, and why. */
  failed: (message: string) => void;
}

interface Watched extends Listener {
  id: string;
  /** Ends its stream of events; undefined while it has none. */
  stream: AbortController | undefined;
}

/**
 * How many streams are open at a time. Of HTTP/1.1, browsers keep six connections to an origin, for all its
 * pages together; two such pages leave room for everything else.
 */
const MOST_STREAMS = 2;

/** How often the results of the other tasks are read, in milliseconds. */
const POLL_MS = 1_000;

/**
 * The newest tasks are watched by streams of events while the page is visible, the others by reading their results
 * every second.
 */
export function createWatcher(api: Api, keyring: Keyring): Watcher {
  const watched = new Map<string, Watched>();
  let canStream = offersStreams(api);

  const forget = (taskId: string): void => {
    watched.get(taskId)?.stream?.abort();
    watched.delete(taskId);
    giveStreams();
  };
  const tell = (taskId: string, text: string): void => {
    const task = watched.get(taskId);
    const result = readResult(text);
    if (task !== undefined && result !== undefined) {
      if (result.isFinal) {
        forget(taskId);
      }
      task.changed(result);
    }
  };
  const failed = (taskId: string, message: string): void => {
    watched.get(taskId)?.failed(message);
  };
  const follow = async ({ id }: Watched, { signal }: AbortController): Promise<void> => {
    const isOfUse = await followTask(api, keyring, id, signal, {
      tell: (text) => {
        tell(id, text);
      },
      failed: (message) => {
        failed(id, message);
      },
    });
    if (!isOfUse) {
      canStream = false;
      giveStreams();
    }
  };
  const giveStreams = (): void => {
    const isVisible = document.visibilityState === 'visible';
    const newest = [...watched.values()].reverse();
    const streamed = newest.slice(0, isVisible && canStream ? MOST_STREAMS : 0);
    for (const task of watched.values()) {
      if (!streamed.includes(task)) {
        task.stream?.abort();
        task.stream = undefined;
      } else if (task.stream === undefined) {
        task.stream = new AbortController();
        void follow(task, task.stream);
      }
    }
  };
  const withoutStream = (): string[] =>
    [...watched.values()].filter(({ stream }) => stream === undefined).map(({ id }) => id);

  document.addEventListener('visibilitychange', giveStreams);
  void poll(keyring, async () => {
    const ids = withoutStream();
    if (ids.length > 0) {
      await readTasks(api, ids, { tell, failed });
    }
  });
  return {
    watch(id, listener) {
      watched.set(id, { id, ...listener, stream: undefined });
      giveStreams();
    },
    forget,
  };
}

async function poll(keyring: Keyring, read: () => Promise<void>): Promise<never> {
  const backoff = createBackoff();
  for (;;) {
    await untilVisible();
    await keyring.given();
    let wait = POLL_MS;
    try {
      await read();
      backoff.reset();
    } catch (error) {
      wait = backoff.next(error instanceof Refused ? error.retryAfterMs : POLL_MS);
    }
    await pause(wait);
  }
}
