import type { Connection } from '../../redis/connection.js';
import { createSubscriptions } from '../../redis/subscriptions.js';
import { heartbeatChannel, readHeartbeat, type Heartbeat } from '../wire/events.js';

/** The heartbeats of the workers, as they are heard. */
export interface Heartbeats {
  /** Begins to listen, and goes on until `close`. */
  listen: () => void;
  /** The last one of a worker by its hostname; undefined until one is heard. */
  of: (hostname: string) => HeardHeartbeat | undefined;
  /** Says goodbye to Redis, within `milliseconds`. */
  close: (milliseconds: number) => Promise<void>;
}

export interface HeardHeartbeat extends Heartbeat {
  /** In milliseconds since 1970, by this service's clock: those of the workers may differ. */
  heardAt: number;
}

export interface HeartbeatOptions {
  /** `global_keyprefix` of the broker; may be empty. */
  keyPrefix: string;
  /** The broker's, by its number. */
  database: number;
  /** As in the settings of the broker's connection. */
  silenceMs: number;
  /** Redis does not let this user listen. Told once. */
  refused: (reason: string) => void;
}

/** Workers in containers have a new hostname with each start: those that are gone are not kept. */
const FORGOTTEN_AFTER_MS = 10 * 60_000;

/** @param open makes the connection, when somebody wants to listen */
export function createHeartbeats(
  open: () => Connection,
  { keyPrefix, database, silenceMs, refused }: HeartbeatOptions,
): Heartbeats {
  const channel = `${keyPrefix}${heartbeatChannel(database)}`;
  const byHostname = new Map<string, HeardHeartbeat>();
  let isListening = false;

  const subscriptions = createSubscriptions(
    open,
    {
      subscribed: () => undefined,
      message(_channel, payload) {
        const heartbeat = readHeartbeat(payload.toString());
        if (heartbeat === undefined) {
          return;
        }
        const heardAt = Date.now();
        if (!byHostname.has(heartbeat.hostname)) {
          forgetOlder(byHostname, heardAt - FORGOTTEN_AFTER_MS);
        }
        byHostname.set(heartbeat.hostname, { ...heartbeat, heardAt });
      },
      refused,
    },
    silenceMs,
  );

  return {
    listen() {
      if (!isListening) {
        isListening = true;
        subscriptions.add(channel);
      }
    },
    of: (hostname) => byHostname.get(hostname),
    close: subscriptions.close,
  };
}

function forgetOlder(heard: Map<string, HeardHeartbeat>, oldest: number): void {
  for (const [hostname, { heardAt }] of heard) {
    if (heardAt < oldest) {
      heard.delete(hostname);
    }
  }
}
