import type { ServerResponse } from 'node:http';
import { arrivalOf } from './messageClasses.js';

/**
 * How many requests are taken on in one turn of the event loop: about as many as go to Redis together. The more,
 * the longer those that have their answer wait to hear it, and the more are half done at the same time, each with
 * three times as much memory as one that waits.
 */
const MOST_PER_TURN = 32;

/** Requests, each known by its response, that wait until they are taken on, in the order of their arrival. */
export interface Turns {
  wait: (response: ServerResponse) => void;
  /** Those of these that still wait are taken on now. */
  hurry: (responses: readonly ServerResponse[]) => void;
}

/**
 * Takes requests on behind what the event loop's turn brings: a small body has arrived whole by then, and nothing
 * needs to listen for its parts.
 */
export function createTurns(handle: (response: ServerResponse) => void): Turns {
  // No Set: of one through which all requests go, V8 links each outgrown table to the next, and once one of them
  // is in the old generation, all requests behind it follow it there. That doubles what a request costs.
  const waiting: ServerResponse[] = [];
  let isPlanned = false;

  const takeOn = (response: ServerResponse): void => {
    const arrival = arrivalOf(response.req);
    if (!arrival.isTakenOn) {
      arrival.isTakenOn = true;
      handle(response);
    }
  };
  const turn = (): void => {
    isPlanned = false;
    const first = waiting.splice(0, MOST_PER_TURN);
    if (waiting.length > 0) {
      plan();
    }
    first.forEach(takeOn);
  };
  const plan = (): void => {
    if (!isPlanned) {
      isPlanned = true;
      setImmediate(turn);
    }
  };

  return {
    wait(response) {
      waiting.push(response);
      plan();
    },
    hurry(responses) {
      responses.forEach(takeOn);
    },
  };
}
