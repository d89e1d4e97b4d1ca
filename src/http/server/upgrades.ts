import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The connection of a request for a WebSocket, and the bytes that came after its head. */
export interface Upgrade {
  socket: Socket;
  head: Buffer;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>();

/** Undefined for a request that asks for no WebSocket, or not in a way that lets it have one. */
export function upgradeOf(request: IncomingMessage): Upgrade | undefined {
  return upgrades.get(request);
}

/**
 * Whether a request is to be taken out of HTTP. Any other wish for an upgrade is ignored, as it may be (RFC 9110,
 * section 7.8): Java's HttpClient asks for HTTP/2 with every first request, and its body would be lost.
 */
export function asksForWebSocket({ method, headers, httpVersion }: IncomingMessage): boolean {
  return (
    method === 'GET' && httpVersion === '1.1' && headers.upgrade?.toLowerCase() === 'websocket'
  );
}

/**
 * Leads requests for WebSockets through the application, as any other request: what it refuses is answered in HTTP,
 * after which the connection is closed.
 *
 * @param answer answers a request
 * @param respond makes the response to a request
 */
export function leadUpgrades(
  server: Server,
  answer: RequestListener,
  respond: (request: IncomingMessage) => ServerResponse,
): {
  /** Cuts the connections that have gone over to another protocol, which the server does not know any more. */
  cutAll: () => void;
} {
  const sockets = new Set<Socket>();
  server.on('upgrade', (request: IncomingMessage, duplex, head: Buffer) => {
    // Always one of these, as this server listens on TCP.
    const socket = duplex as Socket;
    sockets.add(socket);
    // Node has taken its own listener away: without one, a reset connection would end the process.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    const response = respond(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.on('finish', () => {
      socket.destroySoon();
    });
    upgrades.set(request, { socket, head });
    answer(request, response);
  });
  return {
    cutAll() {
      for (const socket of sockets) {
        socket.destroy();
      }
    },
  };
}
