import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { RedisOptions } from 'ioredis';

/** Where a Redis is: `url` without what only Celery understands, and the same for ioredis. */
export interface RedisAddress {
  /** `redis://` or `rediss://`, never to be logged: it may hold a password. */
  url: string;
  database: number;
  options: Pick<RedisOptions, 'tls'>;
}

/**
 * Reads a Redis URL as Celery's configuration has it.
 *
 * The query parameters `ssl_cert_reqs` (`CERT_REQUIRED`, the default, `CERT_OPTIONAL`, `CERT_NONE`, or
 * the short forms `required`, `optional`, `none`), `ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile` and
 * `ssl_check_hostname` are those of Celery's `celery/backends/redis.py` and redis-py. `ssl_ca_certs`,
 * `ssl_certfile` and `ssl_keyfile` name files that are read here.
 *
 * Throws an Error whose message never quotes the URL, as it may hold a password.
 */
export function parseRedisUrl(text: string): RedisAddress {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Error('is not a URL (in a password, write / as %2F, @ as %40, # as %23)');
  }
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    throw new Error(`must start with redis:// or rediss://, not ${url.protocol}//`);
  }
  if (url.hostname === '') {
    throw new Error('names no host');
  }
  if (!/^(\/\d*)?$/.test(url.pathname)) {
    throw new Error('must end with the number of a database, such as /0');
  }
  for (const part of [url.username, url.password]) {
    assertDecodable(part);
  }
  const parameters = new URLSearchParams(url.search);
  url.search = '';
  url.hash = '';
  const database = Number(url.pathname.slice(1));
  if (url.protocol === 'redis:') {
    return { url: url.href, database, options: {} };
  }
  return { url: url.href, database, options: { tls: tlsOptions(parameters) } };
}

function assertDecodable(part: string): void {
  try {
    decodeURIComponent(part);
  } catch {
    throw new Error('has a user or password that is not percent-encoded');
  }
}

function tlsOptions(parameters: URLSearchParams): NonNullable<RedisOptions['tls']> {
  const requirement = (parameters.get('ssl_cert_reqs') ?? 'required')
    .toLowerCase()
    .replace(/^cert_/, '');
  if (!['required', 'optional', 'none'].includes(requirement)) {
    throw new Error('has an ssl_cert_reqs that is none of CERT_REQUIRED, CERT_OPTIONAL, CERT_NONE');
  }
  const ca = fileOf(parameters, 'ssl_ca_certs');
  const cert = fileOf(parameters, 'ssl_certfile');
  const key = fileOf(parameters, 'ssl_keyfile');
  try {
    createSecureContext({ ca, cert, key });
  } catch (error) {
    throw new Error('has a certificate or a key that TLS does not take', { cause: error });
  }
  const checksHostname = parameters.get('ssl_check_hostname')?.toLowerCase() !== 'false';
  return {
    // A server always has a certificate, so that "optional" verifies it just as "required" does.
    rejectUnauthorized: requirement !== 'none',
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
    ...(!checksHostname && { checkServerIdentity: () => undefined }),
  };
}

function fileOf(parameters: URLSearchParams, name: string): Buffer | undefined {
  const path = parameters.get(name);
  if (path === null || path === '') {
    return undefined;
  }
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`has an ${name} that can't be read: ${path}`, { cause: error });
  }
}
