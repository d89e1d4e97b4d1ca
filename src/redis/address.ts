import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { RedisOptions } from 'ioredis';

/** Where a Redis is: `url` without what only Celery understands, and the same for ioredis. */
export interface RedisAddress {
  /**
   * `redis://` or `rediss://`, never to be logged: it may hold a password. Where `options` has sentinels,
   * its host is the first of them, and its user, password and database are the server's.
   */
  url: string;
  /** What the log may show: scheme and hosts. */
  label: string;
  database: number;
  options: Pick<RedisOptions, 'tls' | 'sentinels'>;
  /** Whether a certificate must name the host; with TLS alone. */
  checksHostname: boolean;
}

/**
 * Reads a Redis URL as Celery's configuration has it: `redis://`, `rediss://`, or the addresses of sentinels,
 * `sentinel://host:26379/0;sentinel://host:26379/0` (`SentinelChannel` of kombu/transport/redis.py), of which
 * the user, the password and the database are those of the servers that they watch.
 *
 * The query parameters `ssl_cert_reqs` (`CERT_REQUIRED`, the default, `CERT_OPTIONAL`, `CERT_NONE`, or
 * the short forms `required`, `optional`, `none`), `ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile` and
 * `ssl_check_hostname` are those of Celery's `celery/backends/redis.py` and redis-py. `ssl_ca_certs`,
 * `ssl_certfile` and `ssl_keyfile` name files that are read here.
 *
 * Throws an Error whose message never quotes the URL, as it may hold a password.
 */
export function parseRedisUrl(text: string): RedisAddress {
  if (/^sentinel:/i.test(text)) {
    return parseSentinelUrls(text);
  }
  const url = parseUrl(text);
  if (url.protocol !== 'redis:' && url.protocol !== 'rediss:') {
    throw new Error(`must start with redis://, rediss:// or sentinel://, not ${url.protocol}//`);
  }
  const parameters = new URLSearchParams(url.search);
  url.search = '';
  url.hash = '';
  return {
    url: url.href,
    label: `${url.protocol}//${url.host}${url.pathname}`,
    database: databaseOf(url),
    options: url.protocol === 'redis:' ? {} : { tls: tlsOptions(parameters) },
    checksHostname: parameters.get('ssl_check_hostname')?.toLowerCase() !== 'false',
  };
}

/** The port of sentinels (`default_port` of kombu's `SentinelChannel`). */
const SENTINEL_PORT = 26379;

function parseSentinelUrls(text: string): RedisAddress {
  const urls = text
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseUrl);
  const [first] = urls;
  if (first === undefined || urls.some(({ protocol }) => protocol !== 'sentinel:')) {
    throw new Error('must have sentinel:// before the address of each sentinel');
  }
  if (urls.some(({ search }) => search !== '')) {
    throw new Error('has parameters, of which there are none for sentinels (TLS is not supported)');
  }
  const database = databaseOf(first);
  if (urls.some((url) => databaseOf(url) !== database)) {
    throw new Error('names more than one database: end each sentinel with the same, such as /0');
  }
  const sentinels = urls.map(({ hostname, port }) => ({
    // An IPv6 address is in brackets in a URL alone.
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? SENTINEL_PORT : Number(port),
  }));
  return {
    url: `redis:${first.href.slice(first.protocol.length)}`,
    label: urls.map(({ host, pathname }) => `sentinel://${host}${pathname}`).join(';'),
    database,
    options: { sentinels },
    checksHostname: true,
  };
}

function parseUrl(text: string): URL {
  if (!URL.canParse(text)) {
    throw new Error('is not a URL (in a password, write / as %2F, @ as %40, # as %23)');
  }
  const url = new URL(text);
  if (url.hostname === '') {
    throw new Error('names no host');
  }
  if (!/^(\/\d*)?$/.test(url.pathname)) {
    throw new Error('must end with the number of a database, such as /0');
  }
  for (const part of [url.username, url.password]) {
    assertDecodable(part);
  }
  return url;
}

function databaseOf({ pathname }: URL): number {
  return Number(pathname.slice(1));
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
  return {
    // A server always has a certificate, so that "optional" verifies it just as "required" does.
    rejectUnauthorized: requirement !== 'none',
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
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
