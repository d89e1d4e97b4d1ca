import { hostname } from 'node:os';
import { routedQueues, type RoutingOptions } from '../celery/wire/routing.js';
import { LARGEST_STRING_BYTES } from './http.js';
import {
  integerBetween,
  listOf,
  milliseconds,
  optional,
  parseBoolean,
  type ReadVariable,
} from './reader.js';
import {
  parseBuiltin,
  parseCompression,
  parseFiles,
  parseNamespace,
  parseNamespaces,
  parseParamsForm,
  parseQueue,
  parseRoutes,
  parseTaskOrigin,
} from './values.js';

/** Which tasks clients may assign, and how they are sent. */
export interface TasksConfig {
  readonly routing: RoutingOptions;
  /** Files and folders that describe task types; undefined for the one that comes with the service. */
  readonly files: readonly string[] | undefined;
  /** The queues that the sender of a task may choose. */
  readonly queues: readonly string[];
  /** The workers' `task_default_priority`. */
  readonly defaultPriority: number;
  /** Whether this process hears the events of tasks and workers, and counts them. */
  readonly countsEvents: boolean;
  /** kombu's `visibility_timeout`, in seconds. */
  readonly visibilityTimeoutSeconds: number;
  /** Whether a task type that no live worker has is refused. */
  readonly areTypesStrict: boolean;
  /** How long a client waits for the answer to an assignment, in milliseconds. */
  readonly timeoutMs: number;
  readonly sending: {
    /** Names this service in messages and events. */
    readonly origin: string;
    /** Whether an event tells Flower of each task that is sent. */
    readonly sendsEvents: boolean;
    /** Bodies of at least so many bytes are compressed; Infinity for none. */
    readonly compressionThreshold: number;
    /** How many messages a queue may hold; Infinity for any number. */
    readonly maximumDepth: number;
    /** How long an Idempotency-Key is remembered. */
    readonly claimSeconds: number;
  };
}

/** How results are read and shown. */
export interface ResultsConfig {
  readonly exposesTracebacks: boolean;
  /** How long a client waits for an answer that needs the result backend, in milliseconds. */
  readonly timeoutMs: number;
  /** The longest time that a client may wait for a task to end, in seconds. */
  readonly waitMax: number;
}

/** A hundred years. */
const LONGEST_VISIBILITY_SECONDS = 3_153_600_000;

/** Ten years. */
const LONGEST_CLAIM_SECONDS = 315_360_000;

export function readTasks(read: ReadVariable): TasksConfig {
  const prefix = read('TASK_PREFIX', parseNamespace, 'worker');
  const routing: RoutingOptions = {
    prefix,
    namespaces: read('TASK_NAMESPACES', parseNamespaces, [prefix]),
    builtins: read('TASK_BUILTINS', listOf(parseBuiltin), []),
    queue: read('TASK_QUEUE', parseQueue, 'worker_queue'),
    routes: read('TASK_ROUTES', parseRoutes, 'worker.*=worker_queue,automation.*=automation_queue'),
    paramsAs: read('TASK_PARAMS_AS', listOf(parseParamsForm), 'argument'),
  };
  const compresses = read('TASK_COMPRESSION', parseCompression, 'none');
  const compressionThreshold = read(
    'TASK_COMPRESSION_THRESHOLD_BYTES',
    integerBetween(0, LARGEST_STRING_BYTES),
    '8192',
  );
  const maximumDepth = read('QUEUE_MAX_DEPTH', integerBetween(0, Number.MAX_SAFE_INTEGER), '0');
  return {
    routing,
    files: read('TASKS_FILE', optional(parseFiles), undefined),
    queues: read('TASK_QUEUES', listOf(parseQueue), routedQueues(routing)),
    defaultPriority: read('TASK_DEFAULT_PRIORITY', integerBetween(0, 9), '0'),
    visibilityTimeoutSeconds: read(
      'VISIBILITY_TIMEOUT',
      integerBetween(1, LONGEST_VISIBILITY_SECONDS),
      '3600',
    ),
    countsEvents: read('TASK_EVENTS', parseBoolean, 'false'),
    areTypesStrict: read('STRICT_TASK_TYPES', parseBoolean, 'false'),
    timeoutMs: read('ASSIGN_TIMEOUT_MS', milliseconds, '2000'),
    sending: {
      origin: read('TASK_ORIGIN', parseTaskOrigin, `orchestrator@${hostname()}`),
      sendsEvents: read('TASK_SEND_SENT_EVENT', parseBoolean, 'true'),
      compressionThreshold: compresses ? compressionThreshold : Infinity,
      maximumDepth: maximumDepth === 0 ? Infinity : maximumDepth,
      claimSeconds: read('IDEMPOTENCY_TTL', integerBetween(1, LONGEST_CLAIM_SECONDS), '86400'),
    },
  };
}

export function readResults(read: ReadVariable): ResultsConfig {
  return {
    exposesTracebacks: read('EXPOSE_TRACEBACKS', parseBoolean, 'false'),
    timeoutMs: read('RESULT_TIMEOUT_MS', milliseconds, '2000'),
    waitMax: read('RESULT_WAIT_MAX', integerBetween(0, 86_400), '60'),
  };
}
