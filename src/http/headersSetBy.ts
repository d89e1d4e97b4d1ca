import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { RequestHandler } from 'express';

/**
 * Returns the headers that a middleware sets, names and values in turn. Asking it once, for answers that all get the
 * same headers, spares each request the middleware and `setHeader`.
 *
 * @param headers of the request
 */
export function headersSetBy(
  middleware: RequestHandler,
  headers: Readonly<Record<string, string>> = {},
): readonly string[] {
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  Object.assign(response.req.headers, headers);
  const rethrow = (error?: unknown): void => {
    if (error !== undefined) {
      throw error as Error;
    }
  };
  middleware(...([response.req, response, rethrow] as unknown as Parameters<RequestHandler>));
  return Object.entries(response.getHeaders()).flatMap(([name, value]) => [name, String(value)]);
}
