import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import type { ApiKey } from '../config/apiKeys.js';
import { insufficientScope, notAuthenticated } from '../errors.js';
import { contextOf } from './requestContext.js';

/** Refuses requests without one of the keys, or with one that is not good for the operation, and notes the key's name. */
export function createAuthentication(keys: readonly ApiKey[]): RequestHandler {
  return (request, response, next) => {
    const context = contextOf(response);
    const { route } = context;
    const inQuery = route?.takesKeyInQuery ? keyInQuery(request.url) : undefined;
    const bearer = route?.takesBearer ? bearerOf(request) : undefined;
    const key = keyOf(request.get('x-api-key') ?? inQuery ?? bearer ?? '', keys);
    if (key === undefined) {
      throw notAuthenticated();
    }
    context.client = key.name;
    context.fields.client_name = key.name;
    if (route?.scope !== undefined && !key.scopes.includes(route.scope)) {
      throw insufficientScope(key.name, route.scope, key.scopes);
    }
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
function keyOf(sent: string, keys: readonly ApiKey[]): ApiKey | undefined {
  const digest = createHash('sha256').update(sent).digest();
  let found: ApiKey | undefined;
  for (const key of keys) {
    if (timingSafeEqual(digest, key.digest)) {
      found = key;
    }
  }
  return found;
}
