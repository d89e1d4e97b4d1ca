import { v4 as uuid } from 'uuid';
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Response } from 'express';
import { ClientVisibleError, methodNotAllowed } from '../../errors.js';
import { errorBody } from '../errorReply.js';
import { contextOf, setHeaders } from '../requestContext.js';

/**
 * Answers what can't be read as HTTP, or is not there in time, with the error body that every error has, and
 * hangs up, behind the answers to the requests before it.
 *
 * @param responses to the requests of this connection that are not answered to the end yet
 * @param methods that some route has
 */
export function answerUnreadable(
  error: NodeJS.ErrnoException & { rawPacket?: Buffer },
  socket: Duplex,
  responses: readonly ServerResponse[],
  methods: readonly string[],
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
  hangUp(socket, whatIsWrong(error, methods), last);
}

/** The error for a request that Node's HTTP server refuses. */
function whatIsWrong(
  { code, rawPacket }: NodeJS.ErrnoException & { rawPacket?: Buffer },
  methods: readonly string[],
): ClientVisibleError {
  const method = code === 'HPE_INVALID_METHOD' ? methodIn(rawPacket) : undefined;
  if (method !== undefined) {
    return methodNotAllowed(method, methods);
  }
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new ClientVisibleError('headers_too_large', 'Request Header Fields Too Large');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ClientVisibleError('request_timeout', 'Request Timeout');
    default:
      return new ClientVisibleError('bad_request', 'The request is not HTTP');
  }
}

/** The method of a request that is well-formed but for it: which ones Node knows depends on its version. */
function methodIn(packet: Buffer | undefined): string | undefined {
  const start = packet?.subarray(0, 16_384).toString('latin1') ?? '';
  return /^([A-Z-]{1,32}) \/\S* HTTP\/1\.[01]\r\n/.exec(start)?.[1];
}

/** A proxy's method: whoever sends it has mistaken this service for one. */
export function refuseConnect(_request: IncomingMessage, socket: Duplex): void {
  const message = 'The method CONNECT is for proxies, and this is none';
  hangUp(socket, new ClientVisibleError('not_implemented', message));
}

function hangUp(socket: Duplex, error: ClientVisibleError, response?: ServerResponse): void {
  const { status } = error;
  const id = response === undefined ? uuid() : contextOf(response as Response).id;
  const body = errorBody(error, id);
  const text = JSON.stringify(body);
  const headers = {
    ...error.headers,
    'X-Request-Id': id,
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    Connection: 'close',
  };
  if (response !== undefined) {
    setHeaders(response as Response);
    response.writeHead(status, headers).end(text);
    return;
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${text}`);
}
