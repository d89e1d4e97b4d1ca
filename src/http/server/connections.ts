import type { Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** The responses of each connection that are not sent to the end yet, in the order of their requests. */
export interface Connections {
  responsesOf: (socket: Duplex) => readonly ServerResponse[];
  /** Each connection ends behind the answer to the last request that it has brought. */
  endAll: () => void;
}

export function watchConnections(server: Server): Connections {
  const pendingOf = new Map<Duplex, ServerResponse[]>();
  let isEnding = false;

  server.on('connection', (socket) => {
    const pending: ServerResponse[] = [];
    pendingOf.set(socket, pending);
    socket.once('close', () => {
      pendingOf.delete(socket);
      // Node tells the first response alone, after this listener, that the connection has ended.
      setImmediate(() => {
        for (const response of [...pending]) {
          if (!response.closed) {
            response.emit('close');
          }
        }
      });
    });
  });
  server.prependListener('request', ({ socket }, response) => {
    const pending = pendingOf.get(socket);
    pending?.push(response);
    response.on('close', () => {
      pending?.splice(pending.indexOf(response), 1);
    });
    if (isEnding) {
      response.shouldKeepAlive = false;
    }
  });

  return {
    responsesOf: (socket) => pendingOf.get(socket) ?? [],
    endAll() {
      isEnding = true;
      for (const pending of pendingOf.values()) {
        const last = pending.at(-1);
        if (last !== undefined) {
          last.shouldKeepAlive = false;
        }
      }
    },
  };
}
