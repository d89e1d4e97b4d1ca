import type { Request, RequestHandler, Response } from 'express';

/** A part of every request's way. It may throw, or answer, after which nothing else follows. */
export type Step = (request: Request, response: Response) => void;

/**
 * Joins steps, and the handler behind them, into one handler: to get from one of Express's handlers to the next
 * costs more than most steps do.
 */
export function inOrder(steps: readonly Step[], handler: RequestHandler): RequestHandler {
  return (request, response, next) => {
    for (const step of steps) {
      step(request, response);
      if (response.headersSent) {
        return;
      }
    }
    return handler(request, response, next);
  };
}
