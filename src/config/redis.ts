import { KOMBU_NAMING, type ListNaming } from '../celery/wire/keys.js';
import type { RedisAddress } from '../redis/address.js';
import { integerBetween, milliseconds, optional, parseText, type ReadVariable } from './reader.js';
import { parseRedisUrl } from './redisUrl.js';
import { parseKeyPrefix, parseMasterName, parsePrioritySteps, parseSeparator } from './values.js';

/** One of Celery's two stores: the message broker or the result backend. */
export interface StoreConfig {
  readonly address: RedisAddress;
  /** Celery's `global_keyprefix`; may be empty. */
  readonly keyPrefix: string;
}

/** Where Redis is, and how it is asked. */
export interface RedisConfig {
  readonly broker: StoreConfig & Readonly<ListNaming>;
  readonly backend: StoreConfig;
  /** The group of servers whose master is wanted, and how to log in at its sentinels; with sentinels alone. */
  readonly sentinel: {
    readonly masterName: string | undefined;
    readonly username: string | undefined;
    readonly password: string | undefined;
  };
  /** How many replicas must have a message before it is acknowledged. */
  readonly waitReplicas: number;
  /** How long health checks and metrics wait for Redis, in milliseconds. */
  readonly healthTimeoutMs: number;
}

export function readRedis(read: ReadVariable, faults: string[]): RedisConfig {
  const secret = { secret: true };
  const url = read('REDIS_URL', parseRedisUrl, 'redis://localhost:6379/0', secret);
  const broker = read('CELERY_BROKER_URL', parseRedisUrl, url, secret);
  const backend = read('CELERY_RESULT_BACKEND', parseRedisUrl, url, secret);
  const masterName = read('REDIS_MASTER_NAME', optional(parseMasterName), undefined);
  const needsMaster = [broker, backend].some(({ options }) => options.sentinels);
  const isNamed = faults.some((fault) => fault.startsWith('REDIS_MASTER_NAME'));
  if (needsMaster && masterName === undefined && !isNamed) {
    faults.push(
      "REDIS_MASTER_NAME is required with sentinel:// (master_name of the workers' broker_transport_options)",
    );
  }
  return {
    broker: {
      address: broker,
      keyPrefix: read('CELERY_BROKER_GLOBAL_KEYPREFIX', parseKeyPrefix, ''),
      separator:
        read('CELERY_BROKER_SEP', optional(parseSeparator), undefined) ?? KOMBU_NAMING.separator,
      prioritySteps: read(
        'CELERY_BROKER_PRIORITY_STEPS',
        parsePrioritySteps,
        KOMBU_NAMING.prioritySteps,
      ),
    },
    backend: {
      address: backend,
      keyPrefix: read('CELERY_RESULT_GLOBAL_KEYPREFIX', parseKeyPrefix, ''),
    },
    sentinel: {
      masterName,
      username: read('REDIS_SENTINEL_USERNAME', optional(parseText), undefined),
      password: read('REDIS_SENTINEL_PASSWORD', optional(parseText), undefined, secret),
    },
    waitReplicas: read('REDIS_WAIT_REPLICAS', integerBetween(0, 100), '0'),
    healthTimeoutMs: read('HEALTH_TIMEOUT_MS', milliseconds, '800'),
  };
}
