import type { ReceivedEvent } from '../wire/receivedEvents.js';

/** The workers that live, by what they tell. */
export interface WorkersOnline {
  receive: (event: ReceivedEvent) => void;
  count: () => number;
}

/**
 * Seconds between two heartbeats unless one says so, and after how many of those without any the worker counts as gone
 * (`HEARTBEAT_EXPIRE_WINDOW` of celery/events/state.py).
 */
const HEARTBEAT_SECONDS = 2;
const HEARTBEATS_UNTIL_GONE = 2;

export function createWorkersOnline(): WorkersOnline {
  /** When each is gone unless it is heard again, as `performance.now()` counts. */
  const goneAt = new Map<string, number>();

  return {
    receive({ type, hostname, heartbeatSeconds = HEARTBEAT_SECONDS }) {
      if (type === 'worker-offline') {
        goneAt.delete(hostname);
      } else if (type.startsWith('worker-')) {
        goneAt.set(hostname, performance.now() + heartbeatSeconds * HEARTBEATS_UNTIL_GONE * 1_000);
      }
    },
    count() {
      const now = performance.now();
      for (const [hostname, end] of goneAt) {
        if (end < now) {
          goneAt.delete(hostname);
        }
      }
      return goneAt.size;
    },
  };
}
