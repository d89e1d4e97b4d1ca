import type { IncomingHttpHeaders } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import { invalidRequest, type ClientVisibleError } from '../errors.js';
import { UnsuitableJson } from '../json/exactJson.js';
import { readJsonDocument, type JsonDocument, type JsonLimits } from '../json/jsonDocument.js';
import { readBytes, takeWhole, UnreadableBody } from './bodyBytes.js';
import { contextOf, type RequestContext } from './requestContext.js';

/**
 * Returns the handler that reads a body as JSON text in UTF-8 (RFC 8259). A body without a Content-Type counts as JSON,
 * as in the service being replaced. An empty body that is not needed leaves nothing.
 *
 * The handler throws bodyTooLarge; overloaded; or invalidRequest for another media type, an empty body, one
 * that is not JSON, can't be inflated, is beyond `jsonLimits` or has a number that Python can't hold.
 */
export function createBodyReader(limitBytes: number, jsonLimits: JsonLimits): RequestHandler {
  const documentOf = (bytes: Buffer, context: RequestContext): JsonDocument | undefined => {
    context.admission.enter(context);
    if (bytes.length === 0) {
      if (context.route?.needsBody !== true) {
        return undefined;
      }
      throw fault('', 'is empty; a JSON object is required');
    }
    return read(bytes, jsonLimits);
  };
  const readInPieces = async (
    request: Request,
    response: Response,
    hold: (count: number) => void,
  ): Promise<Buffer> => {
    try {
      return await readBytes(request, {
        limit: limitBytes,
        begin() {
          if (request.headers.expect?.toLowerCase() === '100-continue') {
            response.writeContinue();
          }
        },
        hold,
      });
    } catch (error) {
      throw error instanceof UnreadableBody ? fault('', `can't be read: ${error.message}`) : error;
    }
  };

  return (request, response, next) => {
    const context = contextOf(response);
    if (context.route?.needsBody === true || !isAnnouncedEmpty(request.headers)) {
      assertJson(request.headers['content-type']);
    }
    const hold = (count: number): void => {
      context.admission.hold(context, count);
    };
    const use = (bytes: Buffer): void => {
      context.sent = documentOf(bytes, context);
      next();
    };
    const whole = takeWhole(request, limitBytes, hold);
    if (whole === undefined) {
      readInPieces(request, response, hold).then(use).catch(next);
    } else {
      use(whole);
    }
  };
}

/** Clients name the media type of a body that they don't have, too. */
function isAnnouncedEmpty(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
}

const JSON_TYPE = 'application/json';

function assertJson(contentType: string | undefined): void {
  if (contentType === JSON_TYPE) {
    return;
  }
  const mediaType = contentType?.split(';')[0]?.trim().toLowerCase();
  if (mediaType && mediaType !== JSON_TYPE && !mediaType.endsWith('+json')) {
    throw fault('', `must be sent with Content-Type: application/json, not ${mediaType}`);
  }
}

function read(bytes: Buffer, limits: JsonLimits): JsonDocument {
  try {
    return readJsonDocument(bytes, limits);
  } catch (error) {
    if (error instanceof UnsuitableJson) {
      throw fault(error.pointer, error.message);
    }
    throw fault('', `is not valid JSON: ${reasonOf(error)}`);
  }
}

/** V8 quotes the text around an unexpected token, which may be a secret's. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^(Unexpected token .{1,6}?), .*$/su, '$1');
}

function fault(pointer: string, message: string): ClientVisibleError {
  return invalidRequest([{ in: 'body', pointer, message }]);
}
