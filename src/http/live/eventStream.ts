import type { Request, Response } from 'express';
import { writeJson } from '../../json/jsonText.js';
import type { Feed } from '../../operations/feed.js';
import { errorBody } from '../errorReply.js';
import { contextOf } from '../requestContext.js';
import type { Waiter } from './waiters.js';

/** Heartbeat interval: many proxies close a stream that is idle for a minute. */
const HEARTBEAT_MS = 15_000;

/** A client whose buffer stays full this long is disconnected. */
const PATIENCE_MS = 30_000;

/**
 * Sends what a feed gives as Server-Sent Events (HTML, "Server-sent events"), each value as the data of a message,
 * and `end` behind the last one, so that the client closes rather than connects again. A failure is told as a last
 * message with the body that an error has. For a client that reads slowly, the latest value alone is kept.
 */
export function sendEvents(
  request: Request,
  response: Response,
  status: number,
  feed: Feed<object>,
): Waiter {
  const { headers, fields, id } = contextOf(response);
  headers.push('Cache-Control', 'no-store');
  headers.push('Content-Type', 'text/event-stream; charset=utf-8');
  // Without this, nginx gathers an answer before it passes it on.
  headers.push('X-Accel-Buffering', 'no');
  response.writeHead(status, headers);
  if (request.method === 'HEAD') {
    response.end();
    return { leave: () => undefined, end: () => undefined };
  }
  const { socket } = response;
  const stream = createWriter(response);
  const flow = feed({
    next(value) {
      stream.write(eventOf(value));
    },
    end(failure) {
      if (failure !== undefined) {
        const body = errorBody(failure, id);
        fields.error = body.message;
        stream.write(eventOf(body));
      }
      stream.end(END);
    },
  });
  return {
    leave() {
      stream.stop();
      flow.stop();
    },
    // Without the event `end`: the client connects again, to another instance.
    end() {
      flow.stop();
      // Its head has said that the connection goes on.
      response.once('finish', () => socket?.destroySoon());
      stream.end('');
    },
  };
}

const END = 'event: end\ndata: {}\n\n';

/** JSON may have been written with line ends between its values. */
function eventOf(value: object): string {
  return `data: ${writeJson(value).replaceAll(/\r\n|\r|\n/g, '\ndata: ')}\n\n`;
}

/** Writes events as fast as they are read. */
function createWriter(response: Response): {
  write: (event: string) => void;
  /** Nothing follows but this. */
  end: (text: string) => void;
  stop: () => void;
} {
  let waiting: string | undefined;
  let lastWords: string | undefined;
  let isOver = false;
  let patience: NodeJS.Timeout | undefined;
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) {
      response.write(':\n\n');
    }
  }, HEARTBEAT_MS);
  /** Begins again whenever the client has read. */
  const expectReading = (): void => {
    clearTimeout(patience);
    patience = setTimeout(() => response.destroy(), PATIENCE_MS);
  };
  const send = (event: string): void => {
    if (!response.write(event)) {
      expectReading();
    }
  };
  const finish = (text: string): void => {
    clearInterval(heartbeat);
    response.end(text);
    expectReading();
  };

  response.on('drain', () => {
    clearTimeout(patience);
    const event = waiting;
    waiting = undefined;
    if (event !== undefined) {
      send(event);
    }
    if (lastWords !== undefined) {
      finish(lastWords);
      lastWords = undefined;
    }
  });

  return {
    write(event) {
      if (isOver) {
        return;
      }
      if (response.writableNeedDrain) {
        waiting = event;
      } else {
        send(event);
      }
    },
    end(text) {
      if (isOver) {
        return;
      }
      isOver = true;
      if (waiting === undefined) {
        finish(text);
      } else {
        lastWords = text;
      }
    },
    stop() {
      isOver = true;
      clearInterval(heartbeat);
      clearTimeout(patience);
    },
  };
}
