import { hostname } from 'node:os';
import { parseApiKeys, readApiKeys, repetitionIn, type ApiKey } from './apiKeys.js';
import { parseRedisUrl, type RedisAddress } from '../redis/address.js';
import { routedQueues, type RoutingOptions } from '../celery/wire/routing.js';
import {
  atLeast,
  atMost,
  createReader,
  deepFreeze,
  integerBetween,
  listOf,
  milliseconds,
  optional,
  parseBoolean,
  parseText,
} from './reader.js';
import { readTracing } from './tracing.js';
import {
  parseCompression,
  parseKeyPrefix,
  parseLogLevel,
  parseMasterName,
  parseNamespace,
  parseOrigins,
  parseQueue,
  parseRootPath,
  parseRoute,
  parseTaskOrigin,
  parseTrustProxy,
  type LogLevel,
} from './values.js';
import type { JsonLimits } from '../json/jsonDocument.js';

/** Everything that a team can set. Times are in milliseconds, sizes in bytes. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** How many processes share the port. */
  readonly processes: number;
  /** The path under which a proxy shows this service: empty, or `/a/b` without a slash at its end. */
  readonly rootPath: string;
  /** Express's setting `trust proxy`. */
  readonly trustProxy: boolean | number | string;
  readonly corsOrigins: '*' | readonly string[];
  readonly bodyLimitBytes: number;
  readonly keepAliveTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly jsonLimits: JsonLimits;
  readonly sendsSecurityHeaders: boolean;
  /** None where callers need no key. */
  readonly apiKeys: readonly ApiKey[];
  /** Whether GET /metrics asks for no key. */
  readonly metricsArePublic: boolean;
  /** 0 for no limit. */
  readonly rateLimitPerMinute: number;
  readonly maxRequestsInFlight: number;
  readonly maxBytesInFlight: number;
  /** How many requests may wait for a task to change. */
  readonly maxWaiters: number;
  readonly broker: RedisAddress;
  readonly backend: RedisAddress;
  /** Of the sentinels, where an address names some. */
  readonly sentinel: {
    readonly masterName: string | undefined;
    readonly username: string | undefined;
    readonly password: string | undefined;
  };
  /** How many replicas must have a message before it is acknowledged. */
  readonly waitReplicas: number;
  /** Celery's `global_keyprefix` of either; may be empty. */
  readonly brokerKeyPrefix: string;
  readonly resultKeyPrefix: string;
  readonly routing: RoutingOptions;
  /** Those that a sender of a task may choose. */
  readonly queues: readonly string[];
  /** In seconds: kombu's `visibility_timeout`. */
  readonly visibilityTimeoutSeconds: number;
  /** Whether a task type that no live worker has is refused. */
  readonly hasStrictTaskTypes: boolean;
  /** Names this service in messages and events. */
  readonly taskOrigin: string;
  readonly sendsTaskSentEvents: boolean;
  /** Bodies of at least so many bytes are compressed; Infinity for none. */
  readonly compressionThresholdBytes: number;
  /** How many messages a queue may hold; Infinity for any number. */
  readonly queueMaximumDepth: number;
  /** How long an Idempotency-Key is remembered. */
  readonly idempotencySeconds: number;
  readonly exposesTracebacks: boolean;
  readonly assignTimeoutMs: number;
  readonly resultTimeoutMs: number;
  /** The longest time that a client may wait for a task to end, in seconds. */
  readonly resultWaitMax: number;
  readonly healthTimeoutMs: number;
  readonly shutdownDelayMs: number;
  readonly shutdownTimeoutMs: number;
  /** Whether spans go to a collector. Where, and how, OpenTelemetry reads itself. */
  readonly exportsTraces: boolean;
  readonly logLevel: LogLevel;
  /** A path, or undefined for the console alone. */
  readonly logFile: string | undefined;
}

/** What one string of Redis may hold. */
const MAXIMUM_BODY_BYTES = 512 * 1024 * 1024;

/**
 * In levels. A worker's prefork pool pickles a message for its processes, and pickle gives up somewhat below
 * 500 levels: its RecursionError ends the worker, and so the next one that gets the message.
 */
const MAXIMUM_DEPTH = 400;

/** A hundred years. */
const LONGEST_VISIBILITY_SECONDS = 3_153_600_000;

/** Lists every variable that can't be used, one per line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(faults: readonly string[]) {
    super(`The configuration can't be used:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  }
}

/**
 * Reads the configuration from environment variables, all described in `.env.template`. An empty
 * variable counts as unset.
 *
 * @param defaultLogFile where to log unless LOG_FILE says otherwise
 * @throws ConfigError one error for all faults
 */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  defaultLogFile: string,
): Config {
  const faults: string[] = [];
  const read = createReader(environment, faults);
  const redisUrl = read('REDIS_URL', parseRedisUrl, 'redis://localhost:6379/0', { secret: true });
  const prefix = read('TASK_PREFIX', parseNamespace, 'worker');
  const compresses = read('TASK_COMPRESSION', parseCompression, 'none');
  const compressionThreshold = read(
    'TASK_COMPRESSION_THRESHOLD_BYTES',
    integerBetween(0, MAXIMUM_BODY_BYTES),
    '8192',
  );

  const maximumDepth = read('QUEUE_MAX_DEPTH', integerBetween(0, Number.MAX_SAFE_INTEGER), '0');
  const bodyLimitBytes = read('BODY_LIMIT_BYTES', integerBetween(1, MAXIMUM_BODY_BYTES), '1048576');
  const requestTimeoutMs = read('REQUEST_TIMEOUT_MS', milliseconds, '60000');

  const routing: RoutingOptions = {
    prefix,
    namespaces: read('TASK_NAMESPACES', listOf(parseNamespace), [prefix]),
    queue: read('TASK_QUEUE', parseQueue, 'worker_queue'),
    routes: read(
      'TASK_ROUTES',
      listOf(parseRoute),
      'worker.*=worker_queue,automation.*=automation_queue',
    ),
  };

  const config: Config = {
    host: read('FASTAPI_HOST', parseText, '0.0.0.0'),
    port: read('FASTAPI_PORT', integerBetween(0, 65_535), '8000'),
    processes: read('WEB_CONCURRENCY', integerBetween(1, 64), '1'),
    rootPath: read('ROOT_PATH', parseRootPath, '/'),
    trustProxy: read('TRUST_PROXY', parseTrustProxy, 'false'),
    corsOrigins: read('CORS_ORIGINS', parseOrigins, '*'),
    bodyLimitBytes,
    keepAliveTimeoutMs: read('KEEP_ALIVE_TIMEOUT_MS', milliseconds, '65000'),
    headersTimeoutMs: read(
      'HEADERS_TIMEOUT_MS',
      atMost('REQUEST_TIMEOUT_MS', requestTimeoutMs, milliseconds),
      Math.min(20_000, requestTimeoutMs),
    ),
    requestTimeoutMs,
    jsonLimits: {
      depth: read('JSON_MAX_DEPTH', integerBetween(1, MAXIMUM_DEPTH), '256'),
      keys: read('JSON_MAX_KEYS', integerBetween(1, MAXIMUM_BODY_BYTES), Infinity),
    },
    sendsSecurityHeaders: read('SECURITY_HEADERS', parseBoolean, 'false'),
    apiKeys: [
      ...read('API_KEYS', parseApiKeys, [], { secret: true }),
      ...read('API_KEYS_FILE', readApiKeys, [], { secret: true }),
    ],
    metricsArePublic: read('METRICS_PUBLIC', parseBoolean, 'false'),
    rateLimitPerMinute: read('RATE_LIMIT_PER_MINUTE', integerBetween(0, 1_000_000), '0'),
    maxRequestsInFlight: read('MAX_REQUESTS_IN_FLIGHT', integerBetween(1, 1_000_000), '2000'),
    maxBytesInFlight: read(
      'MAX_BYTES_IN_FLIGHT',
      atLeast('BODY_LIMIT_BYTES', bodyLimitBytes, integerBetween(1, Number.MAX_SAFE_INTEGER)),
      Math.max(32 * 1024 * 1024, bodyLimitBytes),
    ),
    maxWaiters: read('MAX_WAITERS', integerBetween(1, 1_000_000), '20000'),
    broker: read('CELERY_BROKER_URL', parseRedisUrl, redisUrl, { secret: true }),
    backend: read('CELERY_RESULT_BACKEND', parseRedisUrl, redisUrl, { secret: true }),
    sentinel: {
      masterName: read('REDIS_MASTER_NAME', optional(parseMasterName), undefined),
      username: read('REDIS_SENTINEL_USERNAME', optional(parseText), undefined),
      password: read('REDIS_SENTINEL_PASSWORD', optional(parseText), undefined, {
        secret: true,
      }),
    },
    waitReplicas: read('REDIS_WAIT_REPLICAS', integerBetween(0, 100), '0'),
    brokerKeyPrefix: read('CELERY_BROKER_GLOBAL_KEYPREFIX', parseKeyPrefix, ''),
    resultKeyPrefix: read('CELERY_RESULT_GLOBAL_KEYPREFIX', parseKeyPrefix, ''),
    routing,
    queues: read('TASK_QUEUES', listOf(parseQueue), routedQueues(routing)),
    visibilityTimeoutSeconds: read(
      'VISIBILITY_TIMEOUT',
      integerBetween(1, LONGEST_VISIBILITY_SECONDS),
      '3600',
    ),
    hasStrictTaskTypes: read('STRICT_TASK_TYPES', parseBoolean, 'false'),
    taskOrigin: read('TASK_ORIGIN', parseTaskOrigin, `orchestrator@${hostname()}`),
    sendsTaskSentEvents: read('TASK_SEND_SENT_EVENT', parseBoolean, 'true'),
    compressionThresholdBytes: compresses ? compressionThreshold : Infinity,
    queueMaximumDepth: maximumDepth === 0 ? Infinity : maximumDepth,
    idempotencySeconds: read('IDEMPOTENCY_TTL', integerBetween(1, 315_360_000), '86400'),
    exposesTracebacks: read('EXPOSE_TRACEBACKS', parseBoolean, 'false'),
    assignTimeoutMs: read('ASSIGN_TIMEOUT_MS', milliseconds, '2000'),
    resultTimeoutMs: read('RESULT_TIMEOUT_MS', milliseconds, '2000'),
    resultWaitMax: read('RESULT_WAIT_MAX', integerBetween(0, 86_400), '60'),
    healthTimeoutMs: read('HEALTH_TIMEOUT_MS', milliseconds, '800'),
    shutdownDelayMs: read('SHUTDOWN_DELAY_MS', integerBetween(0, 600_000), '0'),
    shutdownTimeoutMs: read('SHUTDOWN_TIMEOUT_MS', milliseconds, '8000'),
    exportsTraces: readTracing(read),
    logLevel: read('LOG_LEVEL', parseLogLevel, 'INFO'),
    logFile: read(
      'LOG_FILE',
      (text) => (text.toLowerCase() === 'none' ? undefined : text),
      defaultLogFile,
    ),
  };
  const needsMaster = [config.broker, config.backend].some(({ options }) => options.sentinels);
  const isNamed = faults.some((fault) => fault.startsWith('REDIS_MASTER_NAME'));
  if (needsMaster && config.sentinel.masterName === undefined && !isNamed) {
    faults.push(
      "REDIS_MASTER_NAME is required with sentinel:// (master_name of the workers' broker_transport_options)",
    );
  }
  const repetition = repetitionIn(config.apiKeys);
  if (repetition !== undefined) {
    faults.push(`API_KEYS together with API_KEYS_FILE ${repetition}`);
  }
  if (faults.length > 0) {
    throw new ConfigError(faults);
  }
  return deepFreeze(config);
}
