import cors from 'cors';
import type { RequestHandler } from 'express';
import type { HttpConfig } from '../config/http.js';
import type { Log } from '../log/log.js';
import { headersSetBy } from './headersSetBy.js';
import { contextOf, setHeaders } from './requestContext.js';

/** Response headers that a page of another origin may read, beside the safelisted ones (Fetch, "CORS-safelisted"). */
const EXPOSED_HEADERS = 'X-Request-Id,Retry-After,RateLimit,RateLimit-Policy,Idempotent-Replayed';

/** How long a browser may keep the answer to its preflight request, in seconds. */
const MAX_AGE = 600;

/** Lets pages of these origins read every answer, and answers their browsers' preflights (Fetch, "CORS protocol"). */
export function createCrossOrigin(
  { origins, credentials }: HttpConfig['cors'],
  methods: readonly string[],
  log: Log,
): RequestHandler {
  const allow = cors({
    origin: origins === '*' ? origins : [...origins],
    credentials,
    methods: [...methods],
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: MAX_AGE,
  });
  const ofOthers = headersSetBy(allow);
  const ofListed = new Map(
    (origins === '*' ? [] : origins).map((origin) => [origin, headersSetBy(allow, { origin })]),
  );

  return (request, response, next) => {
    const { origin } = request.headers;
    const listed = origin === undefined ? undefined : ofListed.get(origin);
    if (origin !== undefined && listed === undefined && origins !== '*') {
      log.debug('a page of an origin that CORS_ORIGINS does not list has asked', { origin });
    }
    if (request.method === 'OPTIONS') {
      setHeaders(response);
      allow(request, response, next);
      return;
    }
    contextOf(response).headers.push(...(listed ?? ofOthers));
    next();
  };
}
