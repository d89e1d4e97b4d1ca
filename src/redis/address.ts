import type { RedisOptions } from 'ioredis';

/** Where a Redis is, as ioredis takes it: `new Redis(url, options)`, and the same for celery-node. */
export interface RedisAddress {
  /**
   * `redis://` or `rediss://`, never to be logged: it may hold a password. Its user, password and database are
   * always the server's. Its host counts only where `options` name no sentinels and no path of a socket.
   */
  url: string;
  /** The part that may be logged: scheme, hosts or path, and database. */
  label: string;
  database: number;
  options: Pick<RedisOptions, 'tls' | 'sentinels' | 'path'>;
  /** Whether a certificate must name the host; with TLS alone. */
  checksHostname: boolean;
}
