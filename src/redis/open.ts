import { Redis } from 'ioredis';
import {
  watchConnection,
  type connectionOptions,
  type Connection,
  type ConnectionEvents,
} from './connection.js';

/** Everything needed to open a connection. */
export interface ConnectionPlan {
  url: string;
  options: ReturnType<typeof connectionOptions>;
  events: ConnectionEvents;
}

export function openConnection({ url, options, events }: ConnectionPlan): Connection {
  return watchConnection(new Redis(url, options), events);
}

/** A connection that is opened when it is first asked for, and then kept. */
export interface LaterConnection {
  get: () => Connection;
  close: (milliseconds: number) => Promise<void>;
}

export function openLater(plan: ConnectionPlan): LaterConnection {
  let connection: Connection | undefined;
  return {
    get() {
      connection ??= openConnection(plan);
      return connection;
    },
    async close(milliseconds) {
      await connection?.close(milliseconds);
    },
  };
}
