import { randomUUID } from 'node:crypto';
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { components } from '../contract/openapi.js';

/** The statuses of what Node's HTTP server refuses; anything else is a 400. */
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/**
 * Answers what can't be read as HTTP, or is not there in time, with the error body that every error has, and
 * hangs up, behind the answers to the requests before it.
 *
 * @param responses to the requests of this connection that are not answered to the end yet
 */
export function answerUnreadable(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  responses: readonly ServerResponse[],
): void {
  const last = responses.at(-1);
  if (last?.req.complete && !last.headersSent) {
    // It is a request of its own, whole and under way, that what can't be read came behind.
    last.shouldKeepAlive = false;
    return;
  }
  if (error.code === 'ECONNRESET' || !socket.writable || last?.headersSent) {
    socket.destroy();
    return;
  }
  const status = STATUS_BY_CODE[error.code ?? ''] ?? 400;
  const message = status === 400 ? 'The request is not HTTP' : (STATUS_CODES[status] ?? '');
  hangUp(socket, status, message, last);
}

/** A proxy's method: whoever sends it has mistaken this service for one. */
export function refuseConnect(_request: IncomingMessage, socket: Duplex): void {
  hangUp(socket, 501, 'The method CONNECT is for proxies, and this is none');
}

function hangUp(socket: Duplex, status: number, message: string, response?: ServerResponse): void {
  const known = response?.getHeader('X-Request-Id');
  const id = typeof known === 'string' ? known : randomUUID();
  const body: components['schemas']['ErrorResponse'] = {
    status: 'error',
    message,
    request_id: id,
  };
  const text = JSON.stringify(body);
  const headers = {
    'X-Request-Id': id,
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    Connection: 'close',
  };
  if (response !== undefined) {
    response.writeHead(status, headers).end(text);
    return;
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${text}`);
}
