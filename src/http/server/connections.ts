import type { Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** The requests of each connection that are not answered to the end yet: pipelined ones wait for each other. */
export interface Connections {
  /** In the order of the requests. */
  responsesOf: (socket: Duplex) => readonly ServerResponse[];
  /** Each connection ends behind the answer to the last request that it has brought or still brings. */
  endAll: () => void;
}

interface Pending {
  response: ServerResponse;
  /** Whether its request lets the connection go on. */
  keepsAlive: boolean;
}

/**
 * @param hurry is told of the responses of a connection that has ended, before they are: whatever waits to be looked
 * at is looked at now, and hears of the end
 */
export function watchConnections(
  server: Server,
  hurry: (responses: readonly ServerResponse[]) => void,
): Connections {
  const pendingOf = new Map<Duplex, Pending[]>();
  let isEnding = false;
  const responsesOf = (socket: Duplex): readonly ServerResponse[] =>
    (pendingOf.get(socket) ?? []).map(({ response }) => response);

  server.on('connection', (socket) => {
    pendingOf.set(socket, []);
    socket.once('close', () => {
      const left = responsesOf(socket);
      pendingOf.delete(socket);
      hurry(left);
      // Node tells the end of a connection to the first response alone, after this listener.
      setImmediate(() => {
        for (const response of left) {
          if (!response.closed) {
            response.emit('close');
          }
        }
      });
    });
  });
  server.prependListener('request', ({ socket }, response) => {
    const pending = pendingOf.get(socket) ?? [];
    const previous = pending.at(-1);
    const entry = { response, keepsAlive: response.shouldKeepAlive };
    pending.push(entry);
    response.on('close', () => {
      const index = pending.indexOf(entry);
      if (index >= 0) {
        pending.splice(index, 1);
      }
    });
    if (isEnding) {
      if (previous !== undefined) {
        previous.response.shouldKeepAlive = previous.keepsAlive;
      }
      response.shouldKeepAlive = false;
    }
  });

  return {
    responsesOf,
    endAll() {
      isEnding = true;
      for (const pending of pendingOf.values()) {
        const last = pending.at(-1);
        if (last !== undefined) {
          last.response.shouldKeepAlive = false;
        }
      }
    },
  };
}
