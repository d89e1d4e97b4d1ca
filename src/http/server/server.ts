import { createServer, type ServerOptions as HttpServerOptions } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as immediate } from 'node:timers/promises';
import type { Express } from 'express';
import { watchConnections } from './connections.js';
import { messageClasses } from './messageClasses.js';
import { answerUnreadable, refuseConnect } from './unreadable.js';
import { asksForWebSocket, leadUpgrades } from './upgrades.js';

/*
 * The listening server: everything between the sockets and the Express application.
 *
 *   bytes -> Node's parser -> request -> turn -> app -> response
 *               |               |
 *               |               +- asks for a WebSocket (upgrades.ts): the same way, on a socket of its own
 *               +- is not HTTP, or comes too late (unreadable.ts): an error body, then the connection ends
 *
 * Requests and responses are made of the application's own classes (messageClasses.ts). A turn collects the requests
 * that one round of the event loop brings. connections.ts knows the unanswered responses of each connection: an
 * error is answered behind them, and a drain ends a connection after the last of them.
 *
 * A drain stops listening, lets each connection end after its last answer, and cuts what is left when its time is
 * up, WebSockets included.
 */

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
  /** Methods that some route has, for the answer to a method that Node does not know. */
  methods: readonly string[];
  /** From the beginning of a request, how long its head and all of it may take to arrive. */
  headersTimeoutMs: number;
  requestTimeoutMs: number;
}

/** Listens, or rejects with Node's error (`EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`, ...). */
export async function startServer(app: Express, options: ServerOptions): Promise<HttpServer> {
  const classes = messageClasses(
    app,
    (request) => asksForWebSocket(request) && connections.responsesOf(request.socket).length === 0,
  );
  const afterThisTurn = createTurn();
  const server = createServer({ ...timeouts(options), ...classes }, (request, response) => {
    afterThisTurn(() => {
      app(request, response);
    });
  });
  const connections = watchConnections(server);
  const upgrades = leadUpgrades(server, app, (request) => new classes.ServerResponse(request));
  server.on('clientError', (error, socket) => {
    // Behind the requests that came before it on the connection.
    afterThisTurn(() => {
      answerUnreadable(error, socket, connections.responsesOf(socket), options.methods);
    });
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

/**
 * How many functions run in one turn: about as many requests as go to Redis together. With more, those that have their
 * answer wait longer to hear it, and more are half done at the same time, each with three times the memory of one that
 * waits.
 */
const MOST_PER_TURN = 32;

/**
 * Returns what runs functions together once the event loop's turn has brought all it brings. A small body is whole by
 * then, and is read without listeners, and what these requests need of Redis goes out in one write: handled as they
 * come, results cost far more CPU time (`npm run bench -- --against`).
 */
function createTurn(): (run: () => void) => void {
  const waiting: (() => void)[] = [];
  const runNext = (): void => {
    const next = waiting.splice(0, MOST_PER_TURN);
    if (waiting.length > 0) {
      setImmediate(runNext);
    }
    for (const run of next) {
      run();
    }
  };
  return (run) => {
    if (waiting.push(run) === 1) {
      setImmediate(runNext);
    }
  };
}
