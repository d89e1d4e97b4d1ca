import cors from 'cors';
import { contextOf, setHeaders } from './requestContext.js';
import type { Step } from './steps.js';

/** What a page of another origin may read, beside what it always may (Fetch, "CORS-safelisted"). */
const EXPOSED_HEADERS = 'X-Request-Id,Retry-After,RateLimit,RateLimit-Policy,Idempotent-Replayed';

/** How long a browser may keep the answer to its preflight request, in seconds. */
const MAX_AGE = 600;

/**
 * Lets pages of these origins read every answer (Fetch, "CORS protocol"), and answers the requests by which
 * their browsers ask first.
 */
export function createCrossOrigin(
  origins: '*' | readonly string[],
  methods: readonly string[],
): Step {
  const answerPreflight = cors({
    origin: origins === '*' ? '*' : [...origins],
    methods: [...methods],
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: MAX_AGE,
  });

  return (request, response) => {
    if (request.method === 'OPTIONS') {
      setHeaders(response);
      answerPreflight(request, response, () => undefined);
      return;
    }
    const { headers } = contextOf(response);
    const { origin } = request.headers;
    if (origins === '*') {
      headers.push('Access-Control-Allow-Origin', '*');
    } else {
      if (origin !== undefined && origins.includes(origin)) {
        headers.push('Access-Control-Allow-Origin', origin);
      }
      headers.push('Vary', 'Origin');
    }
    headers.push('Access-Control-Expose-Headers', EXPOSED_HEADERS);
  };
}
