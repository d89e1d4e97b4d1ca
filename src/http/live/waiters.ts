import type { Response } from 'express';
import { overloaded } from '../../errors.js';
import { contextOf } from '../requestContext.js';

/** Clients that wait for something to happen: long polls, event streams and WebSockets. */
export interface Waiters {
  /**
   * Lets a request wait: it gives back its place among those in flight, and `begin` starts what it waits for.
   * Throws overloaded where too many wait already.
   */
  hold: (response: Response, begin: () => Waiter) => void;
  count: () => number;
  /** Ends all of them, and from now on whoever comes. */
  endAll: () => void;
}

export interface Waiter {
  /** The client is gone. */
  leave: () => void;
  /** The service stops: the client gets what there is. */
  end: () => void;
}

/** @param most how many may wait at the same time */
export function createWaiters(most: number): Waiters {
  const waiting = new Set<Waiter>();
  let isEnding = false;

  return {
    hold(response, begin) {
      const context = contextOf(response);
      if (context.isOver) {
        // The client has gone while its request was read.
        return;
      }
      if (waiting.size >= most) {
        throw overloaded('Too many requests wait for a task');
      }
      context.admission.release(context);
      const waiter = begin();
      waiting.add(waiter);
      response.once('close', () => {
        waiting.delete(waiter);
        waiter.leave();
      });
      if (isEnding) {
        waiter.end();
      }
    },
    count: () => waiting.size,
    endAll() {
      isEnding = true;
      for (const waiter of waiting) {
        waiter.end();
      }
    },
  };
}
