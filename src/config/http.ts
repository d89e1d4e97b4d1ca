import { parseApiKeys, readApiKeys, repetitionIn, type ApiKey } from './apiKeys.js';
import {
  atLeast,
  atMost,
  integerBetween,
  milliseconds,
  parseBoolean,
  parseText,
  type ReadVariable,
} from './reader.js';
import { parseOrigins, parseRootPath, parseTrustProxy } from './values.js';
import type { JsonLimits } from '../json/jsonDocument.js';

/** Settings of the HTTP server. Times are in milliseconds, sizes in bytes. */
export interface HttpConfig {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** The path under which a proxy shows this service: empty, or `/a/b` without a slash at its end. */
  readonly rootPath: string;
  /** Express's setting `trust proxy`. */
  readonly trustProxy: boolean | number | string;
  /** Whose pages may read answers, and whether with cookies and other credentials of their users. */
  readonly cors: { readonly origins: '*' | readonly string[]; readonly credentials: boolean };
  readonly bodyLimitBytes: number;
  readonly jsonLimits: JsonLimits;
  readonly keepAliveTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly sendsSecurityHeaders: boolean;
  /** Empty where callers need no key. */
  readonly apiKeys: readonly ApiKey[];
  /** Whether GET /metrics needs no key. */
  readonly metricsArePublic: boolean;
  /** 0 for no limit. */
  readonly rateLimitPerMinute: number;
  /** How many requests, and how many bytes of their bodies, are held at once. */
  readonly inFlight: { readonly requests: number; readonly bytes: number };
  /** How many requests may wait for a task to change. */
  readonly maxWaiters: number;
}

function readCors(read: ReadVariable, faults: string[]): HttpConfig['cors'] {
  const origins = read('CORS_ORIGINS', parseOrigins, '*');
  const credentials = read('CORS_CREDENTIALS', parseBoolean, 'false');
  if (credentials && origins === '*') {
    faults.push(
      'CORS_CREDENTIALS is true, for which CORS_ORIGINS must be a list of origins, not *',
    );
  }
  return { origins, credentials };
}

/** The longest string that Redis stores (`proto-max-bulk-len`). */
export const LARGEST_STRING_BYTES = 512 * 1024 * 1024;

/**
 * In levels. A worker's prefork pool pickles a message for its processes, and pickle gives up somewhat below
 * 500 levels: its RecursionError ends the worker, and so the next one that gets the message.
 */
const DEEPEST_JSON = 400;

export function readHttp(read: ReadVariable, faults: string[]): HttpConfig {
  const bodyLimitBytes = read(
    'BODY_LIMIT_BYTES',
    integerBetween(1, LARGEST_STRING_BYTES),
    '1048576',
  );
  const requestTimeoutMs = read('REQUEST_TIMEOUT_MS', milliseconds, '60000');
  const apiKeys = [
    ...read('API_KEYS', parseApiKeys, [], { secret: true }),
    ...read('API_KEYS_FILE', readApiKeys, [], { secret: true }),
  ];
  const repetition = repetitionIn(apiKeys);
  if (repetition !== undefined) {
    faults.push(`API_KEYS together with API_KEYS_FILE ${repetition}`);
  }
  return {
    host: read('FASTAPI_HOST', parseText, '0.0.0.0'),
    port: read('FASTAPI_PORT', integerBetween(0, 65_535), '8000'),
    rootPath: read('ROOT_PATH', parseRootPath, '/'),
    trustProxy: read('TRUST_PROXY', parseTrustProxy, 'false'),
    cors: readCors(read, faults),
    bodyLimitBytes,
    jsonLimits: {
      depth: read('JSON_MAX_DEPTH', integerBetween(1, DEEPEST_JSON), '256'),
      keys: read('JSON_MAX_KEYS', integerBetween(1, LARGEST_STRING_BYTES), Infinity),
    },
    keepAliveTimeoutMs: read('KEEP_ALIVE_TIMEOUT_MS', milliseconds, '65000'),
    headersTimeoutMs: read(
      'HEADERS_TIMEOUT_MS',
      atMost('REQUEST_TIMEOUT_MS', requestTimeoutMs, milliseconds),
      Math.min(20_000, requestTimeoutMs),
    ),
    requestTimeoutMs,
    sendsSecurityHeaders: read('SECURITY_HEADERS', parseBoolean, 'false'),
    apiKeys,
    metricsArePublic: read('METRICS_PUBLIC', parseBoolean, 'false'),
    rateLimitPerMinute: read('RATE_LIMIT_PER_MINUTE', integerBetween(0, 1_000_000), '0'),
    inFlight: {
      requests: read('MAX_REQUESTS_IN_FLIGHT', integerBetween(1, 1_000_000), '2000'),
      bytes: read(
        'MAX_BYTES_IN_FLIGHT',
        atLeast('BODY_LIMIT_BYTES', bodyLimitBytes, integerBetween(1, Number.MAX_SAFE_INTEGER)),
        Math.max(32 * 1024 * 1024, bodyLimitBytes),
      ),
    },
    maxWaiters: read('MAX_WAITERS', integerBetween(1, 1_000_000), '20000'),
  };
}
