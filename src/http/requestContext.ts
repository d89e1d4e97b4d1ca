import type { RequestHandler, Response } from 'express';
import { v4 as uuid } from 'uuid';
import type { LogLevel } from '../config/values.js';
import type { OperationId } from '../contract/contract.js';
import type { Route } from '../contract/routes.js';
import type { RequestValues } from '../contract/validation.js';
import { ClientVisibleError } from '../errors.js';
import type { JsonDocument } from '../json/jsonDocument.js';
import type { Log } from '../log/log.js';
import type { RequestMetrics } from '../metrics/httpMetrics.js';
import type { Input } from '../operations/operation.js';
import type { RequestTrace, Tracing } from '../tracing/tracing.js';
import type { Admission, Share } from './admission.js';
import { arrivedAt } from './server/messageClasses.js';

/** The input of an operation without its types: validation has held it against the contract. */
export type AnyInput = RequestValues &
  Pick<Input<OperationId>, 'sensitive' | 'client' | 'trace' | 'annotate'> & {
    sent: JsonDocument | undefined;
  };

/** Everything known of one request beyond its HTTP. */
export interface RequestContext extends Share {
  id: string;
  route: Route | undefined;
  admission: Admission;
  /** The name of the caller's key; empty where none is asked for. */
  client: string;
  /** Its part in a trace, if it has one. */
  trace: RequestTrace | undefined;
  /**
   * What every answer to it has in its head: names and values in turn. To set them one by one makes Node merge them
   * when the head is written, which costs more than all of this middleware.
   */
  headers: string[];
  /** Its body, once read. */
  sent: JsonDocument | undefined;
  /** The input of its operation, once validated. */
  input: AnyInput | undefined;
  /** For the log: its id, the contract's path, the task, ... */
  fields: Record<string, unknown>;
  /** Whether the connection has gone over to a WebSocket: nothing more is sent as HTTP. */
  hasSwitched: boolean;
  /** The error that the answer tells of, for the log. */
  failure?: unknown;
}

/** As a field of its own, since Express's `locals` are a dictionary, in which each look costs more. */
interface ResponseWithContext extends Response {
  context: RequestContext;
}

export function contextOf(response: Response): RequestContext {
  return (response as ResponseWithContext).context;
}

/** Sets the context's headers, for answers that don't write their head at once. */
export function setHeaders(response: Response): void {
  const { headers } = contextOf(response);
  for (let index = 0; index < headers.length; index += 2) {
    response.setHeader(headers[index] ?? '', headers[index + 1] ?? '');
  }
}

/** A caller's id is kept if it is visible ASCII: it goes into a header and a log line. */
const WELL_FORMED_ID = /^[\x21-\x7e]{1,128}$/;

/** Gives each request its id, and when its answer has gone out, the log one line. */
export function requestContext(options: {
  log: Log;
  admission: Admission;
  watch: RequestMetrics;
  tracing: Tracing;
  trustsProxy: boolean;
}): RequestHandler {
  const { log, admission, watch, tracing, trustsProxy } = options;
  return (request, response, next) => {
    const offered = request.headers['x-request-id'];
    const id = typeof offered === 'string' && WELL_FORMED_ID.test(offered) ? offered : uuid();
    const context: RequestContext = {
      id,
      route: undefined,
      admission,
      isIn: false,
      bytes: 0,
      isOver: false,
      client: '',
      hasSwitched: false,
      trace: tracing.begin(request),
      headers: ['X-Request-Id', id],
      sent: undefined,
      input: undefined,
      fields: { request_id: id, method: request.method, route: request.path },
    };
    (response as ResponseWithContext).context = context;
    watch.began();
    if (context.trace?.traceId !== undefined) {
      context.fields.trace_id = context.trace.traceId;
    }
    // Once the connection has ended, its address is gone. Express would look for a proxy's headers first.
    const client = trustsProxy ? request.ip : request.socket.remoteAddress;
    let hasEnded = false;
    const end = (): void => {
      if (hasEnded) {
        return;
      }
      hasEnded = true;
      admission.release(context);
      const { fields } = context;
      // A request that was cut before its answer has none.
      const status = response.headersSent ? response.statusCode : undefined;
      const milliseconds = performance.now() - arrivedAt(request);
      watch.ended(context.route, request.method, status, milliseconds / 1000);
      context.trace?.end({ route: context.route?.path, status, client, failure: context.failure });
      fields.status = status;
      fields.duration_ms = Math.round(milliseconds * 10) / 10;
      fields.client = client;
      if (context.hasSwitched) {
        fields.status = 101;
      } else if (!response.writableFinished) {
        fields.aborted = true;
      }
      if (response.statusCode >= 500) {
        Object.assign(fields, failureFields(context.failure));
      }
      log[levelOf(response.statusCode, context.route)]('request', fields);
    };
    response.on('close', end);
    if (request.socket.destroyed) {
      // Its client has gone while it waited for its turn: `close` may have been told before.
      setImmediate(end);
    }
    next();
  };
}

/** Being not ready or overloaded, or a worker's silence, is a state, not an error. Probes that succeed would hide other requests. */
function levelOf(status: number, route: Route | undefined): Lowercase<LogLevel> {
  if (status < 500) {
    return status < 400 && route?.isProbe ? 'debug' : 'info';
  }
  return status === 503 || status === 504 ? 'warning' : 'error';
}

/** The stack belongs to faults of this service, not to what Redis could not do. */
function failureFields(failure: unknown): Record<string, unknown> {
  if (!(failure instanceof Error)) {
    return { error: String(failure) };
  }
  if (failure instanceof ClientVisibleError) {
    const { message, cause } = failure;
    return { error: message, cause: cause instanceof Error ? cause.message : undefined };
  }
  return { error: failure.message, stack: failure.stack };
}
