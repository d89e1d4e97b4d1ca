import { promisify } from 'node:util';
import express, { type Request, type Response } from 'express';
import { BodyTooLarge, InvalidRequest } from '../errors.js';
import { UnsuitableJson } from '../json/exactJson.js';
import { readJsonDocument, type JsonDocument } from '../json/jsonDocument.js';

/**
 * Returns the function that reads a body as JSON text in UTF-8 (RFC 8259). A body without a Content-Type
 * counts as JSON, as in the service being replaced.
 *
 * The function throws BodyTooLarge, or InvalidRequest for another media type, an empty body, one that is
 * not JSON, can't be inflated, is nested too deeply or has a number that Python can't hold.
 */
export function createJsonBodyReader(
  limitBytes: number,
): (request: Request, response: Response) => Promise<JsonDocument> {
  const readBytes = promisify<Request, Response>(
    express.raw({ type: () => true, limit: limitBytes }),
  );

  return async (request, response) => {
    assertJson(request.get('content-type'));
    await readBytes(request, response).catch((error: unknown) => {
      throw bodyError(error, limitBytes);
    });
    const bytes: unknown = request.body;
    if (!Buffer.isBuffer(bytes) || bytes.length === 0) {
      throw fault('', 'is empty; a JSON object is required');
    }
    return read(decode(bytes));
  };
}

/** The errors of body-parser carry a status (http-errors). */
function bodyError(error: unknown, limitBytes: number): unknown {
  if (!(error instanceof Error) || !('status' in error)) {
    return error;
  }
  return error.status === 413
    ? new BodyTooLarge(limitBytes)
    : fault('', `can't be read: ${error.message}`);
}

function assertJson(contentType: string | undefined): void {
  const mediaType = contentType?.split(';')[0]?.trim().toLowerCase();
  if (mediaType && mediaType !== 'application/json' && !mediaType.endsWith('+json')) {
    throw fault('', `must be sent with Content-Type: application/json, not ${mediaType}`);
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw fault('', 'is not UTF-8');
  }
}

function read(text: string): JsonDocument {
  try {
    return readJsonDocument(text);
  } catch (error) {
    if (error instanceof UnsuitableJson) {
      throw fault(error.pointer, error.message);
    }
    throw fault('', `is not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function fault(pointer: string, message: string): InvalidRequest {
  return new InvalidRequest([{ in: 'body', pointer, message }]);
}
