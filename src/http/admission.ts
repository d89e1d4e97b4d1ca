import type { RequestHandler } from 'express';
import type { OperationId } from '../contract/contract.js';
import { Overloaded } from '../errors.js';
import { contextOf, type RequestContext } from './requestContext.js';

/**
 * Bounds what is in flight: how many requests, from when all of them is there until the answer, and how many
 * bytes of bodies, from the first byte. What is beyond is refused at once, so that memory stays bounded and
 * health checks pass. A body that comes slowly keeps nobody out.
 */
export function createAdmission(most: { requests: number; bytes: number }): RequestHandler {
  let requests = 0;
  let bytes = 0;

  return (_request, response, next) => {
    const context = contextOf(response);
    let held = 0;
    let isIn = false;
    let isOver = false;
    const assertRoom = (): void => {
      if (requests >= most.requests) {
        throw overloaded('Too many requests are in flight', context);
      }
    };
    context.enter = () => {
      if (isIn || isOver) {
        return;
      }
      assertRoom();
      isIn = true;
      requests += 1;
    };
    context.holdBytes = (count) => {
      if (isOver) {
        return;
      }
      if (bytes + count > most.bytes) {
        throw overloaded('Too many bytes of request bodies are in flight', context);
      }
      bytes += count;
      held += count;
    };
    context.release = () => {
      if (!isOver) {
        isOver = true;
        requests -= isIn ? 1 : 0;
        bytes -= held;
      }
    };
    response.once('close', context.release);
    if (context.match?.takesBody) {
      assertRoom();
    } else {
      context.enter();
    }
    next();
  };
}

const ASSIGNMENT: OperationId = 'assignTask';

function overloaded(message: string, { match }: RequestContext): Overloaded {
  return new Overloaded(message, match?.operationId === ASSIGNMENT ? { queued: 'no' } : undefined);
}
