import type { ErrorRequestHandler } from 'express';
import type { components } from '../contract/openapi.js';
import { BodyTooLarge, ClientVisibleError, InvalidRequest, MethodNotAllowed } from '../errors.js';
import { contextOf } from './requestContext.js';

/** Returns the handler that makes the one error body of whatever was thrown, and notes it for the log. */
export function createErrorReply(): ErrorRequestHandler {
  return (thrown: unknown, _request, response, next) => {
    const context = contextOf(response);
    context.failure = thrown;
    if (response.headersSent) {
      next(thrown);
      return;
    }
    const error = clientVisible(thrown);
    if (error instanceof MethodNotAllowed) {
      response.set('Allow', error.allowed.join(', '));
    }
    const body: components['schemas']['ErrorResponse'] = {
      status: 'error',
      message: error?.message ?? 'Internal server error',
      ...(error?.taskId !== undefined && { task_id: error.taskId }),
      ...(error?.details !== undefined && { details: error.details }),
      request_id: context.id,
    };
    response
      .status(error?.status ?? 500)
      .set('Cache-Control', 'no-store')
      .json(body);
  };
}

/** Undefined for a fault of this service. */
function clientVisible(thrown: unknown): ClientVisibleError | undefined {
  if (thrown instanceof ClientVisibleError) {
    return thrown;
  }
  if (!isHttpError(thrown) || thrown.status < 400 || thrown.status > 499) {
    return undefined;
  }
  if (thrown.status === 413) {
    return new BodyTooLarge(thrown.limit ?? 0);
  }
  return new InvalidRequest([
    { in: 'body', pointer: '', message: `can't be read: ${thrown.message}` },
  ]);
}

/** The errors of Express and its body reader (http-errors), which carry a status. */
function isHttpError(thrown: unknown): thrown is Error & { status: number; limit?: number } {
  return thrown instanceof Error && 'status' in thrown && typeof thrown.status === 'number';
}
