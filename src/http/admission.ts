import type { RequestHandler } from 'express';
import type { OperationId } from '../contract/contract.js';
import { Overloaded } from '../errors.js';
import { contextOf, type RequestContext } from './requestContext.js';

/**
 * Bounds what is in flight, from a request's arrival until its answer: how many requests, and how many bytes
 * of their bodies. What is beyond is refused at once, so that memory stays bounded and health checks pass.
 */
export function createAdmission(most: { requests: number; bytes: number }): RequestHandler {
  let requests = 0;
  let bytes = 0;

  return (_request, response, next) => {
    const context = contextOf(response);
    if (requests >= most.requests) {
      throw overloaded('Too many requests are in flight', context);
    }
    let held = 0;
    let isIn = true;
    requests += 1;
    context.holdBytes = (count) => {
      if (!isIn) {
        return;
      }
      if (bytes + count > most.bytes) {
        throw overloaded('Too many bytes of request bodies are in flight', context);
      }
      bytes += count;
      held += count;
    };
    context.release = () => {
      if (isIn) {
        isIn = false;
        requests -= 1;
        bytes -= held;
      }
    };
    response.once('close', context.release);
    next();
  };
}

const ASSIGNMENT: OperationId = 'assignTask';

function overloaded(message: string, { match }: RequestContext): Overloaded {
  return new Overloaded(message, match?.operationId === ASSIGNMENT ? { queued: 'no' } : undefined);
}
