import {
  createServer,
  type IncomingMessage,
  type ServerOptions as HttpServerOptions,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as immediate } from 'node:timers/promises';
import type { Request, Response } from 'express';
import type { Application } from '../app.js';
import { watchConnections } from './connections.js';
import { messageClasses } from './messageClasses.js';
import { createTurns } from './turns.js';
import { answerUnreadable, refuseConnect } from './unreadable.js';
import { asksForWebSocket, leadUpgrades } from './upgrades.js';

export interface HttpServer {
  /** The port that it listens on, where port 0 was asked for too. */
  port: number;
  /** Accepts nothing more, waits for what is in flight, and cuts what is left after `milliseconds`. */
  drain: (milliseconds: number) => Promise<void>;
}

/** Connections that wait to be accepted: Linux allows 4096 (`somaxconn`), and Node asks for 511. */
const BACKLOG = 4_096;

interface ServerOptions {
  host: string;
  port: number;
  keepAliveTimeoutMs: number;
  /** Those that some route has, for whoever sends one that Node does not know. */
  methods: readonly string[];
  /** From the beginning of a request, how long its head and all of it may take to arrive. */
  headersTimeoutMs: number;
  requestTimeoutMs: number;
}

/** Listens, or rejects with Node's error (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, ...). */
export async function startServer(
  application: Application,
  options: ServerOptions,
): Promise<HttpServer> {
  const classes = messageClasses(
    application.express,
    (request) => asksForWebSocket(request) && connections.responsesOf(request.socket).length === 0,
  );
  const takeOn = (response: ServerResponse): void => {
    void application.handle(response.req as Request, response as Response);
  };
  const turns = createTurns(takeOn);
  const server = createServer({ ...timeouts(options), ...classes }, (request, response) => {
    turns.wait(response);
    if (!isSmall(request)) {
      turns.hurry(connections.responsesOf(request.socket));
    }
  });
  const connections = watchConnections(server, turns.hurry);
  const upgrades = leadUpgrades(server, takeOn, (request) => new classes.ServerResponse(request));
  server.on('clientError', (error, socket) => {
    const responses = connections.responsesOf(socket);
    turns.hurry(responses);
    answerUnreadable(error, socket, responses, options.methods);
  });
  server.on('connect', refuseConnect);
  // An expectation that the server does not know may be ignored (RFC 9110, section 10.1.1).
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  // Without this, Node asks for a body before anybody has looked at its head.
  server.on('checkContinue', (request, response) => server.emit('request', request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const { port, host } = options;
    server.listen({ port, host, backlog: BACKLOG }, resolve);
  });

  return {
    port: (server.address() as AddressInfo).port,
    async drain(milliseconds) {
      const closed = new Promise((resolve) => server.close(resolve));
      // Without this, a connection would be kept alive after its last answer, and with it the server.
      connections.endAll();
      const cut = setTimeout(() => {
        server.closeAllConnections();
        upgrades.cutAll();
      }, milliseconds);
      await closed;
      clearTimeout(cut);
      // A cut connection's response is closed after the server is; its line belongs into the log.
      await immediate();
    },
  };
}

/** A body of at most so many bytes comes with its head mostly: Node reads 64 kB at once. */
const SMALL_BODY_BYTES = 16 * 1024;

/**
 * Whether a request may wait with its body. Of a larger one, Node would stop reading; of the smallest chunks, it
 * would keep more than anybody wants.
 */
function isSmall({ headers }: IncomingMessage): boolean {
  return (
    headers['transfer-encoding'] === undefined &&
    Number(headers['content-length'] ?? 0) <= SMALL_BODY_BYTES
  );
}

function timeouts(options: ServerOptions): HttpServerOptions {
  const { keepAliveTimeoutMs, headersTimeoutMs, requestTimeoutMs } = options;
  return {
    keepAliveTimeout: keepAliveTimeoutMs,
    // Node's own answer to a request without a Host would have no body.
    requireHostHeader: false,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    // How late a late request is noticed; Node's own 30 s would be longer than what is waited for.
    connectionsCheckingInterval: Math.min(1_000, Math.ceil(headersTimeoutMs / 2)),
  };
}
