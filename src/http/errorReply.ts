import type { ErrorRequestHandler } from 'express';
import type { components } from '../contract/openapi.js';
import { ClientVisibleError, MethodNotAllowed } from '../errors.js';
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
    if (thrown instanceof MethodNotAllowed) {
      response.set('Allow', thrown.allowed.join(', '));
    }
    const { status, ...told } = whatToTell(thrown);
    const body: ErrorResponse = { status: 'error', ...told, request_id: context.id };
    response
      .status(status)
      .set('Cache-Control', 'no-store')
      .type('application/json')
      .send(JSON.stringify(body));
  };
}

type ErrorResponse = components['schemas']['ErrorResponse'];

/** The HTTP status, and what the body says of the error. */
function whatToTell(
  thrown: unknown,
): { status: number } & Pick<ErrorResponse, 'message' | 'task_id' | 'details'> {
  if (thrown instanceof ClientVisibleError) {
    const { status, message, taskId, details } = thrown;
    return {
      status,
      message,
      ...(taskId !== undefined && { task_id: taskId }),
      ...(details !== undefined && { details }),
    };
  }
  // Express and its file server say what is wrong with a request by the status of an error.
  if (thrown instanceof Error && 'status' in thrown && isClientError(thrown.status)) {
    return { status: thrown.status, message: thrown.message };
  }
  return { status: 500, message: 'Internal server error' };
}

function isClientError(status: unknown): status is number {
  return typeof status === 'number' && status >= 400 && status < 500;
}
