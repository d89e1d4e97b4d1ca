import { v4 as uuid } from 'uuid';
import type { Response } from 'express';
import type { LogLevel } from '../config/values.js';
import type { Match } from '../contract/routes.js';
import { ClientVisibleError } from '../errors.js';
import type { Log } from '../log/log.js';
import type { RequestTrace, Tracing } from '../tracing/tracing.js';
import type { Admission, Share } from './admission.js';
import { arrivalOf } from './server/messageClasses.js';
import type { Step } from './steps.js';

/** What is known of one request beyond its HTTP. */
export interface RequestContext extends Share {
  id: string;
  match: Match | undefined;
  admission: Admission;
  /** The name of the caller's key; empty where none is asked for. */
  client: string;
  /** Its part in a trace, if it has one. */
  trace: RequestTrace | undefined;
  /**
   * What every answer to it has in its head: names and values in turn. They stay here until the answer is
   * sent, since to set them one by one costs several times as much.
   */
  headers: string[];
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

/** Sets what every answer to this request has in its head, for an answer of Express's. */
export function setHeaders(response: Response): void {
  const { headers } = contextOf(response);
  for (let index = 0; index < headers.length; index += 2) {
    response.setHeader(headers[index] ?? '', headers[index + 1] ?? '');
  }
}

/** A caller's id is kept if it is visible ASCII: it goes into a header and a log line. */
const WELL_FORMED_ID = /^[\x21-\x7e]{1,128}$/;

/** Who counts requests. */
export interface RequestWatch {
  began: () => void;
  /** @param status undefined for a request that was cut before its answer */
  ended: (
    match: Match | undefined,
    method: string,
    status: number | undefined,
    seconds: number,
  ) => void;
}

/** Gives each request its id, and when its answer has gone out, the log one line. */
export function requestContext(options: {
  log: Log;
  admission: Admission;
  watch: RequestWatch;
  tracing: Tracing;
  trustsProxy: boolean;
}): Step {
  const { log, admission, watch, tracing, trustsProxy } = options;
  return (request, response) => {
    const { arrivedAt } = arrivalOf(request);
    const offered = request.headers['x-request-id'];
    const id = typeof offered === 'string' && WELL_FORMED_ID.test(offered) ? offered : uuid();
    const context: RequestContext = {
      id,
      match: undefined,
      admission,
      isIn: false,
      bytes: 0,
      isOver: false,
      client: '',
      hasSwitched: false,
      trace: tracing.begin(request),
      headers: ['X-Request-Id', id],
      fields: { request_id: id, method: request.method, route: request.path },
    };
    (response as ResponseWithContext).context = context;
    watch.began();
    if (context.trace?.traceId !== undefined) {
      context.fields.trace_id = context.trace.traceId;
    }
    // Once the connection has ended, its address is gone. Express would look for a proxy's headers first.
    const client = trustsProxy ? request.ip : request.socket.remoteAddress;
    response.on('close', () => {
      admission.release(context);
      const { fields } = context;
      // A request that was cut before its answer has none.
      const status = response.headersSent ? response.statusCode : undefined;
      const milliseconds = performance.now() - arrivedAt;
      watch.ended(context.match, request.method, status, milliseconds / 1000);
      context.trace?.end({ route: context.match?.path, status, client, failure: context.failure });
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
      log[levelOf(response.statusCode, context.match)]('request', fields);
    });
  };
}

/** Being not ready or overloaded is a state, not an error. Probes that succeed would hide other requests. */
function levelOf(status: number, match: Match | undefined): Lowercase<LogLevel> {
  if (status < 500) {
    return status < 400 && match?.isProbe ? 'debug' : 'info';
  }
  return status === 503 ? 'warning' : 'error';
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
