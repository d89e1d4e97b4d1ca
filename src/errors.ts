import type { components } from './contract/openapi.js';
import type { Scope } from './contract/scopes.js';

type ErrorDetails = components['schemas']['ErrorDetails'];
export type ErrorCode = components['schemas']['ErrorCode'];
export type RequestFault = components['schemas']['RequestFault'];

/** The HTTP status of each code that the contract lists, and of no other. */
export const STATUS_BY_CODE = {
  bad_request: 400,
  validation_failed: 400,
  unauthorized: 401,
  origin_not_allowed: 403,
  insufficient_scope: 403,
  not_found: 404,
  worker_not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  worker_refused: 409,
  payload_too_large: 413,
  idempotency_key_reused: 422,
  upgrade_required: 426,
  rate_limited: 429,
  headers_too_large: 431,
  broker_unavailable: 500,
  internal_error: 500,
  result_backend_unavailable: 500,
  result_unreadable: 500,
  not_implemented: 501,
  metrics_unavailable: 503,
  not_ready: 503,
  overloaded: 503,
  task_queue_full: 503,
  worker_silent: 504,
} as const satisfies Record<ErrorCode, number>;

/**
 * An error that its HTTP client is told of: `message` is for people, `code` and `details` for programs; `cause` is
 * for the log alone. Any other error is a fault of this service, which answers with a constant body.
 */
export class ClientVisibleError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly taskId: string | undefined;
  readonly details: ErrorDetails | undefined;
  /** The message once more, where the replaced service had it under this name. */
  readonly detail: string | undefined;
  /** Headers of its answer. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, extra: Extra = {}) {
    // No log shows its stack, and in a flood of refusals to take one costs as much as the rest of an answer.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message, { cause: extra.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = code;
    this.code = code;
    this.status = extra.status ?? STATUS_BY_CODE[code];
    this.taskId = extra.taskId;
    this.details = extra.details;
    this.detail = extra.detail;
    this.headers = extra.headers ?? {};
  }
}

interface Extra {
  /** In place of the code's own, which is the nearest then. */
  status?: number;
  taskId?: string | undefined;
  details?: ErrorDetails;
  detail?: string;
  headers?: Readonly<Record<string, string>>;
  cause?: unknown;
}

/** Why something could not be done: `reason` ends a sentence for the client, `cause` is for the log. */
interface Failure {
  reason: string;
  cause?: unknown;
}

/** `maxItems` of the errors in the contract. */
const MAXIMUM_FAULTS = 100;

/** @param all at least one; the first hundred are told */
export function invalidRequest(all: readonly RequestFault[]): ClientVisibleError {
  const errors = all.slice(0, MAXIMUM_FAULTS);
  const shown = errors.slice(0, 3).map((fault) => `${fault.pointer || fault.in} ${fault.message}`);
  const rest = errors.length > shown.length ? `; and ${errors.length - shown.length} more` : '';
  const message = `The request is not valid: ${shown.join('; ')}${rest}`;
  return new ClientVisibleError('validation_failed', message, { details: { errors } });
}

export function notAuthenticated(): ClientVisibleError {
  const detail = 'Invalid or missing API key';
  return new ClientVisibleError('unauthorized', `${detail}: it belongs in the header x-api-key`, {
    detail,
    headers: { 'WWW-Authenticate': 'ApiKey' },
  });
}

/**
 * @param name the name of the key
 * @param needed the scope of the operation
 * @param scopes what the key is good for
 */
export function insufficientScope(
  name: string,
  needed: Scope,
  scopes: readonly Scope[],
): ClientVisibleError {
  const granted = [...scopes, needed].join('+');
  return new ClientVisibleError(
    'insufficient_scope',
    `The API key ${name} is not good for this, which needs the scope ${needed}: the operator grants it by ` +
      `${name}=KEY:${granted} in API_KEYS or its file, and a restart`,
  );
}

/** @param allowed the methods that the route has */
export function methodNotAllowed(method: string, allowed: readonly string[]): ClientVisibleError {
  const list = allowed.join(', ');
  const message = `Method ${method} is not allowed here; use ${list}`;
  return new ClientVisibleError('method_not_allowed', message, { headers: { Allow: list } });
}

/** @param limit in bytes */
export function bodyTooLarge(limit: number): ClientVisibleError {
  const message = `The body is larger than ${limit} bytes`;
  return new ClientVisibleError('payload_too_large', message, { details: { limit } });
}

export function idempotencyKeyReused(): ClientVisibleError {
  return new ClientVisibleError(
    'idempotency_key_reused',
    'This Idempotency-Key was used before with another body; use a new key for a new task',
  );
}

/** This route speaks another protocol than HTTP. */
export function upgradeRequired(): ClientVisibleError {
  return new ClientVisibleError(
    'upgrade_required',
    'This route is a WebSocket: connect with ws:// or wss://',
    { headers: { Upgrade: 'websocket', Connection: 'Upgrade' } },
  );
}

/** Times are in seconds. */
export function rateLimitExceeded(
  limit: number,
  window: number,
  retryAfter: number,
): ClientVisibleError {
  return new ClientVisibleError(
    'rate_limited',
    `More than ${limit} requests in ${window} seconds; try again in ${retryAfter}`,
    { headers: { 'Retry-After': String(retryAfter) } },
  );
}

/** More is in flight than this process may hold. */
export function overloaded(message: string, details?: ErrorDetails): ClientVisibleError {
  return new ClientVisibleError('overloaded', `${message}; try again in a second`, {
    ...(details && { details }),
    headers: { 'Retry-After': '1' },
  });
}

/** The queues of tasks that were to be assigned have no room. */
export function queueFull(message: string, taskId?: string): ClientVisibleError {
  return new ClientVisibleError('task_queue_full', message, {
    taskId,
    details: { queued: 'no' },
    headers: { 'Retry-After': '1' },
  });
}

/** @param what the tasks, as a sentence begins with them */
export function notAssigned(
  what: string,
  { fate, reason, cause }: Failure & { fate: 'refused' | 'unknown' },
  taskId?: string,
): ClientVisibleError {
  return new ClientVisibleError('broker_unavailable', `${what} could not be assigned: ${reason}`, {
    taskId,
    details: { queued: fate === 'refused' ? 'no' : 'unknown' },
    cause,
  });
}

/** @param what begins a sentence, such as `The workers could not be asked` */
export function brokerUnavailable(
  what: string,
  { reason, cause }: Failure,
  taskId?: string,
): ClientVisibleError {
  return new ClientVisibleError('broker_unavailable', `${what}: ${reason}`, { taskId, cause });
}

/** @param near the hostnames of workers that are named nearly so */
export function workerNotFound(hostname: string, near: readonly string[]): ClientVisibleError {
  const hint = near.length === 0 ? '' : `; did you mean ${near.join(' or ')}?`;
  return new ClientVisibleError('worker_not_found', `No worker ${hostname} listens${hint}`);
}

/** @param words the worker's own */
export function workerRefused(hostname: string, words: string): ClientVisibleError {
  return new ClientVisibleError('worker_refused', `${hostname} refuses: ${words}`);
}

/** @param wasTold whether it was told what it has not confirmed */
export function workerSilent(hostname: string, wasTold: boolean): ClientVisibleError {
  const rest = wasTold
    ? 'it may still do what it was told when it hears it'
    : 'nothing was told to it';
  return new ClientVisibleError(
    'worker_silent',
    `${hostname} has not answered within a second; ${rest}`,
  );
}

/** @param what begins a sentence, such as `The result could not be retrieved` */
export function resultUnavailable(
  what: string,
  { reason, cause, isUnreadable }: Failure & { isUnreadable: boolean },
  taskId?: string,
): ClientVisibleError {
  const code = isUnreadable ? 'result_unreadable' : 'result_backend_unavailable';
  return new ClientVisibleError(code, `${what}: ${reason}`, { taskId, cause });
}
