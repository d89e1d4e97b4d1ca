import type { RedisAddress } from '../redis/address.js';
import { readTls } from './tls.js';

const ENCODING =
  'in a user or a password, write / as %2F, @ as %40, # as %23, ? as %3F and % as %25';

const SCHEMES = 'redis://, rediss://, sentinel://, redis+socket:// or unix://';

/** The port of sentinels (`default_port` of kombu's `SentinelChannel`). */
const SENTINEL_PORT = 26379;

/** How the schemes of sockets name the database: kombu's way and redis-py's way. */
const DATABASE_PARAMETERS = { 'redis+socket:': 'virtual_host', 'unix:': 'db' } as const;

/**
 * Reads a Redis URL as Celery's configuration has it:
 *
 * - `redis://user:password@host:6379/0` and `rediss://` with TLS, whose parameters are those of `readTls`
 * - `sentinel://host:26379/0;sentinel://host:26379/0` (`SentinelChannel` of kombu/transport/redis.py); user,
 *   password and database are those of the servers that the sentinels watch
 * - `redis+socket://user:password@/path?virtual_host=0` (`Channel._connparams`, in the same file)
 * - `unix://user:password@/path?db=0` (`parse_url` of redis-py), where user and password may be parameters
 *
 * Throws an Error whose message never quotes the URL, as it may hold a password. Faults of the scheme come
 * first, then those of the host, then those of the database.
 */
export function parseRedisUrl(text: string): RedisAddress {
  const scheme = schemeOf(text);
  switch (scheme) {
    case 'redis:':
    case 'rediss:':
      return parseServerUrl(text);
    case 'sentinel:':
      return parseSentinelUrls(text);
    case 'redis+socket:':
    case 'unix:':
      return parseSocketUrl(text, scheme);
    default:
      // Without ://, what stands before the colon may be a user.
      throw new Error(`must start with ${SCHEMES}${scheme === '' ? '' : `, not ${scheme}//`}`);
  }
}

function schemeOf(text: string): string {
  return /^([a-z][a-z0-9+.-]*:)\/\//i.exec(text)?.[1]?.toLowerCase() ?? '';
}

function parseServerUrl(text: string): RedisAddress {
  const url = parseUrl(text);
  const { searchParams: parameters, protocol } = url;
  const database = databaseOf(url);
  if (parameters.has('db') || parameters.has('virtual_host')) {
    throw new Error('must end with the number of a database, such as /2, rather than a parameter');
  }
  return {
    url: `${protocol}//${credentialsOf(url)}${url.host}/${database}`,
    label: `${protocol}//${url.host}/${database}`,
    database,
    options: protocol === 'rediss:' ? { tls: readTls(parameters) } : {},
    checksHostname: parameters.get('ssl_check_hostname')?.toLowerCase() !== 'false',
  };
}

function parseSentinelUrls(text: string): RedisAddress {
  const parts = text
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.some((part) => schemeOf(part) !== 'sentinel:')) {
    throw new Error(
      `must have sentinel:// before the address of each sentinel (${ENCODING}, ; as %3B)`,
    );
  }
  const urls = parts.map(parseUrl);
  const databases = urls.map(databaseOf);
  const [first] = urls;
  const [database] = databases;
  if (first === undefined || database === undefined) {
    throw new Error('names no host');
  }
  if (databases.some((other) => other !== database)) {
    throw new Error('names more than one database: end each sentinel with the same, such as /0');
  }
  if (urls.some(({ search }) => search !== '')) {
    throw new Error('has parameters, of which there are none for sentinels (TLS is not supported)');
  }
  return {
    url: `redis://${credentialsOf(first)}${first.host}/${database}`,
    label: urls.map(({ host }) => `sentinel://${host}/${database}`).join(';'),
    database,
    options: {
      sentinels: urls.map(({ hostname, port }) => ({
        // Only a URL has an IPv6 address in brackets.
        host: hostname.replace(/^\[|\]$/g, ''),
        port: port === '' ? SENTINEL_PORT : Number(port),
      })),
    },
    checksHostname: true,
  };
}

/** Node.js takes no URL with a password and no host: the password is read here. */
function parseSocketUrl(text: string, scheme: keyof typeof DATABASE_PARAMETERS): RedisAddress {
  const [, authority = '', rest = ''] = /^[^/]*\/\/([^/?#]*)(.*)$/s.exec(text) ?? [];
  const [, credentials = '', host = ''] = /^(?:(.*)@)?(.*)$/s.exec(authority) ?? [];
  const url = asUrl(`redis://${credentials && `${credentials}@`}localhost${rest}`);
  if (url === undefined || (host !== '' && rest.includes('@')) || url.hash !== '') {
    throw new Error(`names no path of a socket (${ENCODING})`);
  }
  if (host !== '' || url.pathname.length < 2) {
    throw new Error(`must have a socket's whole path, such as ${scheme}///run/redis.sock`);
  }
  const parameter = DATABASE_PARAMETERS[scheme];
  const { searchParams: parameters } = url;
  const [other] = Object.values(DATABASE_PARAMETERS).filter((name) => name !== parameter);
  const number = /^\/?(\d*)$/.exec(parameters.get(parameter) ?? '')?.[1];
  if (number === undefined || parameters.has(other ?? '')) {
    throw new Error(
      `must name the number of its database by ?${parameter}=, such as ?${parameter}=2`,
    );
  }
  // redis-py has both as parameters too.
  url.username ||= encodeURIComponent(parameters.get('username') ?? '');
  url.password ||= encodeURIComponent(parameters.get('password') ?? '');
  const database = Number(number);
  const path = decoded(url.pathname);
  return {
    url: `redis://${credentialsOf(url)}localhost/${database}`,
    label: `${scheme}//${path}?${parameter}=${database}`,
    database,
    options: { path },
    checksHostname: true,
  };
}

function parseUrl(text: string): URL {
  const url = asUrl(text);
  if (url === undefined) {
    throw new Error(faultOfAuthority(text));
  }
  // The rest of a password, after an unencoded character, is taken for a path, a parameter or a fragment.
  const behind = [url.pathname, url.hash, ...url.searchParams.keys()];
  if (behind.some((part) => part.includes('@'))) {
    throw new Error(`has a user or a password that is not encoded: ${ENCODING}`);
  }
  if (url.hostname === '') {
    throw new Error('names no host');
  }
  return url;
}

/** The fault of a text that begins like a URL and is none: what is between `//` and the path. */
function faultOfAuthority(text: string): string {
  const [, authority = '', behind = ''] = /^[^/]*\/\/([^/?#]*)(.*)$/s.exec(text) ?? [];
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  if (behind.includes('@')) {
    return `has a user or a password that is not encoded: ${ENCODING}`;
  }
  if (/^(:\d+)?$/.test(host)) {
    return 'names no host';
  }
  return /:\d+$/.test(host)
    ? 'must have a port from 0 to 65535'
    : `has no host and port that can be read (${ENCODING})`;
}

/** kombu takes `/`, `//` and nothing for database 0, and `//1` for 1 (`Channel._prepare_virtual_host`). */
function databaseOf({ pathname }: URL): number {
  const number = /^\/{0,2}(\d*)$/.exec(decoded(pathname))?.[1];
  if (number === undefined) {
    throw new Error('must end with the number of a database, such as /0');
  }
  return Number(number);
}

function credentialsOf({ username, password }: URL): string {
  decoded(username);
  decoded(password);
  const credentials = password === '' ? username : `${username}:${password}`;
  return credentials && `${credentials}@`;
}

function asUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new Error(`is not percent-encoded: ${ENCODING}`);
  }
}
