import type { Request, Response } from 'express';
import type { Feed } from '../../operations/feed.js';
import { sendEvents } from './eventStream.js';
import type { Waiters } from './waiters.js';
import type { WebSockets } from './webSockets.js';

/** A reply whose body comes later, or in many parts. */
export interface FeedReply {
  status: number;
  mediaType: string;
  body: Feed<object>;
}

/**
 * Returns what lets a client wait for such a reply: as messages of a WebSocket (101), as events of a stream, or as
 * one body that is handed to `send`. It rejects with overloaded, invalidRequest or the failure of a single body.
 */
export function createFeedSender(
  waiters: Waiters,
  webSockets: WebSockets,
): (
  request: Request,
  response: Response,
  reply: FeedReply,
  send: (body: object) => void,
) => Promise<void> {
  return async (request, response, { status, mediaType, body: feed }, send) => {
    if (status === 101) {
      waiters.hold(response, () => webSockets.open(request, response, feed));
    } else if (mediaType === 'text/event-stream') {
      waiters.hold(response, () => sendEvents(request, response, status, feed));
    } else {
      const body = await firstOf(feed, response, waiters);
      if (body !== undefined) {
        send(body);
      }
    }
  };
}

/** The only value of a feed, or undefined where the client goes before it comes. */
function firstOf(
  feed: Feed<object>,
  response: Response,
  waiters: Waiters,
): Promise<object | undefined> {
  return new Promise((resolve, reject) => {
    waiters.hold(response, () => {
      const { stop, giveNow = stop } = feed({ next: resolve, end: reject });
      return {
        leave() {
          stop();
          resolve(undefined);
        },
        end: giveNow,
      };
    });
  });
}
