import { createSecureContext } from 'node:tls';
import type { RedisAddress } from '../redis/address.js';
import { readNamedFile } from './namedFile.js';

/**
 * Reads the parameters of a `rediss://` URL: `ssl_cert_reqs` (`CERT_REQUIRED`, the default, `CERT_OPTIONAL`,
 * `CERT_NONE`, or the short forms `required`, `optional`, `none`), `ssl_ca_certs`, `ssl_certfile` and
 * `ssl_keyfile`, as in Celery's `celery/backends/redis.py` and redis-py. The last three name files.
 *
 * Throws an Error whose message quotes the paths alone.
 */
export function readTls(parameters: URLSearchParams): NonNullable<RedisAddress['options']['tls']> {
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
  return path === null || path === ''
    ? undefined
    : readNamedFile(path, (reason) => `has an ${name} that can't be read: ${path} (${reason})`);
}
