import { setImmediate as immediate } from 'node:timers/promises';
import type { Request, Response } from 'express';
import { contextOf } from './requestContext.js';

/** How long a client may go on sending what nobody reads, in milliseconds. */
const PATIENCE_MS = 1_000;

/** A body of at most so many bytes is read to its end in no time, and the connection can be used again. */
const SMALL_BODY_BYTES = 64 * 1024;

/**
 * Sends an answer that may come before its request has been read to the end. Unless little is left to read, the
 * connection is closed behind it, as the next request on it would begin behind a body of any length; but not before the client has
 * had time to read the answer: data that arrives at a closed connection makes the client's system throw it away.
 */
export async function sendEarly(request: Request, response: Response, text: string): Promise<void> {
  if (announcesBody(request)) {
    // Bytes that came together with the head are parsed by then.
    await immediate();
    if (response.headersSent) {
      // The bytes were no body, and have been answered so.
      return;
    }
  }
  if (request.complete || !announcesBody(request) || isSmall(request)) {
    request.resume();
    response.send(text);
    return;
  }
  const context = contextOf(response);
  context.admission.release(context);
  response.set('Connection', 'close');
  response.set('Content-Length', String(Buffer.byteLength(text)));
  response.write(text);
  request.resume();
  await untilEnd(request);
  response.end();
}

function announcesBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function isSmall({ headers }: Request): boolean {
  return Number(headers['content-length'] ?? Infinity) <= SMALL_BODY_BYTES;
}

function untilEnd(request: Request): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(finish, PATIENCE_MS);
    request.once('end', finish);
    request.once('close', finish);
  });
}
