import type { Request, Response } from 'express';
import type { components } from '../contract/openapi.js';
import { ClientVisibleError, STATUS_BY_CODE, type ErrorCode } from '../errors.js';
import { sendEarly } from './earlyAnswer.js';
import { contextOf, setHeaders } from './requestContext.js';

/**
 * Answers with the one error body of whatever was thrown, and notes it for the log. Never rejects: where not even that
 * can be sent, the connection is cut.
 */
export async function replyToError(
  thrown: unknown,
  request: Request,
  response: Response,
): Promise<void> {
  const context = contextOf(response);
  context.failure = thrown;
  if (response.writableEnded) {
    // Answered as a late request, whose body then failed.
    return;
  }
  if (response.headersSent) {
    // An answer that ended here would pass for whole.
    response.destroy();
    return;
  }
  try {
    const { status, headers } = clientVisible(thrown);
    const body = errorBody(thrown, context.id);
    setHeaders(response);
    response.status(status).set('Cache-Control', 'no-store').set(headers).type('application/json');
    await sendEarly(request, response, JSON.stringify(body));
  } catch (failure) {
    context.failure = failure;
    response.statusCode = 500;
    response.destroy();
  }
}

/** The body of an error, for the client of the request with this id. */
export function errorBody(thrown: unknown, requestId: string): ErrorResponse {
  const { code, message, detail, taskId, details } = clientVisible(thrown);
  return {
    status: 'error',
    code,
    message,
    ...(detail !== undefined && { detail }),
    ...(taskId !== undefined && { task_id: taskId }),
    ...(details !== undefined && { details }),
    request_id: requestId,
  };
}

type ErrorResponse = components['schemas']['ErrorResponse'] &
  Partial<components['schemas']['UnauthorizedResponse']>;

function clientVisible(thrown: unknown): ClientVisibleError {
  if (thrown instanceof ClientVisibleError) {
    return thrown;
  }
  // Express and its file server say what is wrong with a request by the status of an error.
  if (thrown instanceof Error && 'status' in thrown && isClientError(thrown.status)) {
    const { status, message } = thrown;
    return new ClientVisibleError(codeOf(status), message, { status });
  }
  return new ClientVisibleError('internal_error', 'Internal server error');
}

function isClientError(status: unknown): status is number {
  return typeof status === 'number' && status >= 400 && status < 500;
}

/** The code of an error that is known by its status alone. */
function codeOf(status: number): ErrorCode {
  const codes = Object.keys(STATUS_BY_CODE) as ErrorCode[];
  return codes.find((code) => STATUS_BY_CODE[code] === status) ?? 'bad_request';
}
