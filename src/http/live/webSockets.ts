import type { IncomingMessage } from 'node:http';
import type { Request, Response } from 'express';
import { WebSocketServer, type WebSocket } from 'ws';
import { ClientVisibleError, invalidRequest, upgradeRequired } from '../../errors.js';
import { writeJson } from '../../json/jsonText.js';
import type { Feed } from '../../operations/feed.js';
import { timestamp } from '../../timestamp.js';
import { errorBody } from '../errorReply.js';
import { contextOf } from '../requestContext.js';
import { upgradeOf } from '../server/upgrades.js';
import type { Waiter } from './waiters.js';

export interface WebSockets {
  /** Throws upgradeRequired, or `origin_not_allowed`. */
  assertUpgrade: (request: Request) => void;
  /** Opens one and sends what a feed gives, each value as one message. Throws invalidRequest. */
  open: (request: Request, response: Response, feed: Feed<object>) => Waiter;
}

/** How often a client is asked whether it is still there. One that has not answered until the next time is cut. */
const PING_MS = 30_000;

/** In bytes. Clients need to send nothing, and what they send is not looked at. */
const MAXIMUM_MESSAGE = 1_024;

/** With so many bytes unsent, only the latest message is kept. */
const MAXIMUM_UNSENT = 64 * 1_024;

/** Status codes of RFC 6455, section 7.4.1. */
const NORMAL_CLOSURE = 1000;
const GOING_AWAY = 1001;
const INTERNAL_ERROR = 1011;

/** @param origins whose pages may connect: a browser asks nobody before it does (RFC 6455, section 10.2) */
export function createWebSockets(origins: '*' | readonly string[]): WebSockets {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAXIMUM_MESSAGE,
    // Its memory for each connection is many times what a message takes.
    perMessageDeflate: false,
  });
  server.on('wsClientError', ({ message }) => {
    // Thrown through handleUpgrade, which has found it.
    throw invalidRequest([{ in: 'header', pointer: '', message }]);
  });
  server.on('headers', (lines, request) => {
    const { headers } = contextOf((request as Request).res as Response);
    for (let index = 0; index < headers.length; index += 2) {
      lines.push(`${headers[index] ?? ''}: ${headers[index + 1] ?? ''}`);
    }
  });

  return {
    assertUpgrade(request) {
      const { origin } = request.headers;
      if (upgradeOf(request) === undefined) {
        throw upgradeRequired();
      }
      if (origin !== undefined && origins !== '*' && !origins.includes(origin)) {
        const message = 'Pages of this origin may not connect here';
        throw new ClientVisibleError('origin_not_allowed', message);
      }
    },
    open(request, response, feed) {
      const upgrade = upgradeOf(request);
      let socket: WebSocket | undefined;
      if (upgrade !== undefined) {
        // Calls back before it returns, unless it throws, or the client has just gone.
        server.handleUpgrade(request as IncomingMessage, upgrade.socket, upgrade.head, (opened) => {
          socket = opened;
        });
      }
      contextOf(response).hasSwitched = socket !== undefined;
      return socket === undefined ? NOBODY : sendMessages(socket, response, feed);
    },
  };
}

const NOBODY: Waiter = { leave: () => undefined, end: () => undefined };

function sendMessages(socket: WebSocket, response: Response, feed: Feed<object>): Waiter {
  const { fields, id } = contextOf(response);
  let waiting: object | undefined;
  let code: number | undefined;
  let answersPings = true;
  const pings = setInterval(() => {
    if (!answersPings) {
      socket.terminate();
      return;
    }
    answersPings = false;
    socket.ping();
  }, PING_MS);
  socket.on('pong', () => {
    answersPings = true;
  });
  // It has closed the connection already, with the code that tells why.
  socket.on('error', () => undefined);

  const closeSoon = (withCode: number): void => {
    code ??= withCode;
    if (waiting === undefined) {
      socket.close(code);
    }
  };
  const send = (value: object): void => {
    socket.send(writeJson(value), () => {
      if (waiting !== undefined && socket.bufferedAmount <= MAXIMUM_UNSENT) {
        const next = waiting;
        waiting = undefined;
        send(next);
        if (code !== undefined) {
          socket.close(code);
        }
      }
    });
  };
  const next = (value: object): void => {
    if (socket.bufferedAmount > MAXIMUM_UNSENT) {
      waiting = value;
    } else {
      send(value);
    }
  };

  const flow = feed({
    next,
    end(failure) {
      if (failure !== undefined) {
        const body = errorBody(failure, id);
        fields.error = body.message;
        next({ ...body, timestamp: timestamp(), final: true });
      }
      closeSoon(failure === undefined ? NORMAL_CLOSURE : INTERNAL_ERROR);
    },
  });
  return {
    leave() {
      clearInterval(pings);
      flow.stop();
    },
    end() {
      flow.stop();
      closeSoon(GOING_AWAY);
    },
  };
}
