import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import type { Match } from '../contract/routes.js';
import { ClientVisibleError } from '../errors.js';
import type { Log } from '../log.js';

/** What is known of one request beyond its HTTP. */
export interface RequestContext {
  id: string;
  /** The operation that it asks for, once that is known. */
  match: Match | undefined;
  /** The name of the caller's key; empty where none is asked for. */
  client: string;
  /** Takes a place among the requests in flight. May throw Overloaded. */
  enter: () => void;
  /** Counts bytes of its body that are kept until its answer. May throw Overloaded. */
  holdBytes: (count: number) => void;
  /** Gives back its place among the requests in flight, if it has one. */
  release: () => void;
  /** For the log: the contract's path, the task, ... */
  fields: Record<string, unknown>;
  /** The error that the answer tells of, for the log. */
  failure?: unknown;
}

export function contextOf(response: Response): RequestContext {
  return response.locals.context as RequestContext;
}

/** A caller's id is kept if it is visible ASCII: it goes into a header and a log line. */
const WELL_FORMED_ID = /^[\x21-\x7e]{1,128}$/;

/** Gives each request its id, and the log one line when its answer has gone out. */
export function requestContext(log: Log): RequestHandler {
  return (request, response, next) => {
    const start = performance.now();
    const offered = request.get('x-request-id');
    const id = offered !== undefined && WELL_FORMED_ID.test(offered) ? offered : randomUUID();
    const context: RequestContext = {
      id,
      match: undefined,
      client: '',
      enter: doNothing,
      holdBytes: doNothing,
      release: doNothing,
      fields: {},
    };
    response.locals.context = context;
    response.set('X-Request-Id', id);
    const { method, path, ip } = request;
    response.once('close', () => {
      log[levelOf(response.statusCode)]('request', {
        request_id: id,
        method,
        route: path,
        ...context.fields,
        // A request that was cut before its answer has none.
        status: response.headersSent ? response.statusCode : undefined,
        duration_ms: Math.round((performance.now() - start) * 10) / 10,
        client: ip,
        ...(!response.writableFinished && { aborted: true }),
        ...(response.statusCode >= 500 && failureFields(context.failure)),
      });
    });
    next();
  };
}

function doNothing(): void {
  // Requests that nobody guards are not counted.
}

/** To be not ready or overloaded is a state, not an error. */
function levelOf(status: number): 'info' | 'warning' | 'error' {
  if (status < 500) {
    return 'info';
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
