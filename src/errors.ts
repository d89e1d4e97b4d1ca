import type { components } from './contract/openapi.js';

type ErrorDetails = components['schemas']['ErrorDetails'];
export type RequestFault = components['schemas']['RequestFault'];

/**
 * An error that its HTTP client is told of: `message` is for people, `details` for programs; `cause` is
 * for the log alone. Any other error is a fault of this service, which answers with a constant body.
 */
export abstract class ClientVisibleError extends Error {
  abstract readonly status: number;
  readonly taskId: string | undefined;
  readonly details: ErrorDetails | undefined;
  /** The message once more, where the replaced service had it under this name. */
  readonly detail: string | undefined = undefined;
  /** Of its answer. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    message: string,
    extra: {
      taskId?: string;
      details?: ErrorDetails;
      headers?: Readonly<Record<string, string>>;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: extra.cause });
    this.name = new.target.name;
    this.taskId = extra.taskId;
    this.details = extra.details;
    this.headers = extra.headers ?? {};
  }
}

/** `maxItems` of the errors in the contract. */
const MAXIMUM_FAULTS = 100;

export class InvalidRequest extends ClientVisibleError {
  override readonly status = 400;

  /** `faults`: at least one; the first hundred are told. */
  constructor(all: readonly RequestFault[]) {
    const faults = all.slice(0, MAXIMUM_FAULTS);
    const shown = faults
      .slice(0, 3)
      .map((fault) => `${fault.pointer || fault.in} ${fault.message}`);
    const rest = faults.length > shown.length ? `; and ${faults.length - shown.length} more` : '';
    super(`The request is not valid: ${shown.join('; ')}${rest}`, {
      details: { errors: faults },
    });
  }
}

export class NotAuthenticated extends ClientVisibleError {
  override readonly status = 401;
  override readonly detail = 'Invalid or missing API key';

  constructor() {
    super('Invalid or missing API key: it belongs in the header x-api-key', {
      headers: { 'WWW-Authenticate': 'ApiKey' },
    });
  }
}

/** A page of this origin may not open a WebSocket. */
export class OriginNotAllowed extends ClientVisibleError {
  override readonly status = 403;
}

export class RouteNotFound extends ClientVisibleError {
  override readonly status = 404;
}

export class MethodNotAllowed extends ClientVisibleError {
  override readonly status = 405;

  /** `allowed`: the methods that the route has. */
  constructor(method: string, allowed: readonly string[]) {
    const list = allowed.join(', ');
    super(`Method ${method} is not allowed here; use ${list}`, { headers: { Allow: list } });
  }
}

export class BodyTooLarge extends ClientVisibleError {
  override readonly status = 413;

  constructor(limit: number) {
    super(`The body is larger than ${limit} bytes`, { details: { limit } });
  }
}

/** This route speaks another protocol than HTTP. */
export class UpgradeRequired extends ClientVisibleError {
  override readonly status = 426;

  constructor() {
    super('This route is a WebSocket: connect with ws:// or wss://', {
      headers: { Upgrade: 'websocket', Connection: 'Upgrade' },
    });
  }
}

export class RateLimitExceeded extends ClientVisibleError {
  override readonly status = 429;

  /** Times are in seconds. */
  constructor(limit: number, window: number, retryAfter: number) {
    super(`More than ${limit} requests in ${window} seconds; try again in ${retryAfter}`, {
      headers: { 'Retry-After': String(retryAfter) },
    });
  }
}

/** More is in flight than this process may hold. */
export class Overloaded extends ClientVisibleError {
  override readonly status = 503;

  constructor(message: string, details?: ErrorDetails) {
    super(`${message}; try again in a second`, {
      ...(details && { details }),
      headers: { 'Retry-After': '1' },
    });
  }
}

/** The key names a request with another body. */
export class IdempotencyKeyReused extends ClientVisibleError {
  override readonly status = 422;
}

export class QueueIsFull extends ClientVisibleError {
  override readonly status = 503;

  constructor(taskType: string, taskId: string) {
    super(`Task '${taskType}' could not be assigned: its queue is full`, {
      taskId,
      details: { queued: 'no' },
      headers: { 'Retry-After': '1' },
    });
  }
}

export class AssignmentFailed extends ClientVisibleError {
  override readonly status = 500;

  constructor(
    taskType: string,
    taskId: string,
    failure: { fate: 'refused' | 'unknown'; reason: string; cause?: unknown },
  ) {
    const { fate, reason, cause } = failure;
    super(`Task '${taskType}' could not be assigned: ${reason}`, {
      taskId,
      details: { queued: fate === 'refused' ? 'no' : 'unknown' },
      cause,
    });
  }
}

export class QueuesAreFull extends ClientVisibleError {
  override readonly status = 503;

  constructor(count: number) {
    super(`${tasks(count)} could not be assigned: their queues have no room for all of them`, {
      details: { queued: 'no' },
      headers: { 'Retry-After': '1' },
    });
  }
}

export class TasksNotAssigned extends ClientVisibleError {
  override readonly status = 500;

  constructor(
    count: number,
    { fate, reason, cause }: { fate: 'refused' | 'unknown'; reason: string; cause?: unknown },
  ) {
    super(`${tasks(count)} could not be assigned: ${reason}`, {
      details: { queued: fate === 'refused' ? 'no' : 'unknown' },
      cause,
    });
  }
}

function tasks(count: number): string {
  return count === 1 ? 'The task' : `The ${count} tasks`;
}

export class ResultUnavailable extends ClientVisibleError {
  override readonly status = 500;

  constructor(taskId: string, { reason, cause }: { reason: string; cause?: unknown }) {
    super(`The result could not be retrieved: ${reason}`, { taskId, cause });
  }
}

export class ResultsUnavailable extends ClientVisibleError {
  override readonly status = 500;

  constructor({ reason, cause }: { reason: string; cause?: unknown }) {
    super(`The results could not be retrieved: ${reason}`, { cause });
  }
}

/** What the message broker or the workers were asked is not known. */
export class FleetUnavailable extends ClientVisibleError {
  override readonly status = 500;

  /** `what` begins a sentence, such as `The workers could not be asked`. */
  constructor(what: string, failure: { reason: string; cause?: unknown }, taskId?: string) {
    super(`${what}: ${failure.reason}`, {
      ...(taskId !== undefined && { taskId }),
      cause: failure.cause,
    });
  }
}

/** What the other processes have counted can't be had. */
export class MetricsUnavailable extends ClientVisibleError {
  override readonly status = 503;
}

export class NotReady extends ClientVisibleError {
  override readonly status = 503;
}
