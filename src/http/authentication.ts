import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import type { ApiKey } from '../config/apiKeys.js';
import { notAuthenticated } from '../errors.js';
import { contextOf } from './requestContext.js';

/** Refuses requests without one of the keys, and notes the key's name. */
export function createAuthentication(keys: readonly ApiKey[]): RequestHandler {
  return (request, response, next) => {
    const context = contextOf(response);
    const { route } = context;
    const inQuery = route?.takesKeyInQuery ? keyInQuery(request.url) : undefined;
    const bearer = route?.takesBearer ? bearerOf(request) : undefined;
    const name = nameOf(request.get('x-api-key') ?? inQuery ?? bearer ?? '', keys);
    if (name === undefined) {
      throw notAuthenticated();
    }
    context.client = name;
    context.fields.client_name = name;
    next();
  };
}

/** For what a browser opens without headers of the page's own: an EventSource, a WebSocket. */
function keyInQuery(url: string): string | undefined {
  return new URLSearchParams(url.slice(url.indexOf('?') + 1)).get('api_key') ?? undefined;
}

/** The token of `Authorization: Bearer` (RFC 6750, section 2.1; the scheme's case does not matter). */
function bearerOf(request: Request): string | undefined {
  return /^bearer +(\S+)$/i.exec(request.get('authorization') ?? '')?.[1];
}

/** Compares with every key, each time in full: how long it takes tells nothing of the keys. */
function nameOf(sent: string, keys: readonly ApiKey[]): string | undefined {
  const digest = createHash('sha256').update(sent).digest();
  let name: string | undefined;
  for (const key of keys) {
    if (timingSafeEqual(digest, key.digest)) {
      name = key.name;
    }
  }
  return name;
}
