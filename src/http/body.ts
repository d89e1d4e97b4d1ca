import { promisify } from 'node:util';
import express, { type Request, type Response } from 'express';
import { InvalidRequest } from '../errors.js';

/**
 * Returns the function that reads a body as JSON text in UTF-8 (RFC 8259). A body without a Content-Type
 * counts as JSON, as in the service being replaced.
 *
 * The function throws InvalidRequest for another media type, an empty body, or one that is not JSON; and
 * the reader's own error (http-errors) for one that is too large or can't be inflated.
 */
export function createJsonBodyReader(
  limitBytes: number,
): (request: Request, response: Response) => Promise<unknown> {
  const readBytes = promisify<Request, Response>(
    express.raw({ type: () => true, limit: limitBytes }),
  );

  return async (request, response) => {
    assertJson(request.get('content-type'));
    await readBytes(request, response);
    const bytes: unknown = request.body;
    if (!Buffer.isBuffer(bytes) || bytes.length === 0) {
      throw fault('is empty; a JSON object is required');
    }
    return parse(decode(bytes));
  };
}

function assertJson(contentType: string | undefined): void {
  const mediaType = contentType?.split(';')[0]?.trim().toLowerCase();
  if (mediaType !== undefined && mediaType !== 'application/json' && !mediaType.endsWith('+json')) {
    throw fault(`must be sent with Content-Type: application/json, not ${mediaType}`);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw fault('is not UTF-8');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fault(`is not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function fault(message: string): InvalidRequest {
  return new InvalidRequest([{ in: 'body', pointer: '', message }]);
}
