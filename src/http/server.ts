import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as immediate } from 'node:timers/promises';
import { answerUnreadable } from './unreadable.js';

export interface HttpServer {
  /** The port that it listens on, where port 0 was asked for too. */
  port: number;
  /** Accepts nothing more, waits for what is in flight, and cuts what is left after `milliseconds`. */
  drain: (milliseconds: number) => Promise<void>;
}

/** Listens, or rejects with Node's error (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, ...). */
export async function startServer(
  listener: RequestListener,
  options: { host: string; port: number; keepAliveTimeoutMs: number },
): Promise<HttpServer> {
  const server = createServer({ keepAliveTimeout: options.keepAliveTimeoutMs }, listener);
  const inFlight = new Set<ServerResponse>();
  let draining = false;
  server.on('clientError', answerUnreadable);
  // An expectation that the server does not know may be ignored (RFC 9110, section 10.1.1).
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  server.on('request', (_request, response) => {
    inFlight.add(response);
    response.once('close', () => inFlight.delete(response));
    if (draining) {
      response.shouldKeepAlive = false;
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });

  return {
    port: (server.address() as AddressInfo).port,
    async drain(milliseconds) {
      draining = true;
      const closed = new Promise((resolve) => server.close(resolve));
      // Without this, a connection would be kept alive after its last answer, and with it the server.
      for (const response of inFlight) {
        response.shouldKeepAlive = false;
      }
      const cut = setTimeout(() => {
        server.closeAllConnections();
      }, milliseconds);
      await closed;
      clearTimeout(cut);
      // A cut connection's response is closed after the server is; its line belongs into the log.
      await immediate();
    },
  };
}
