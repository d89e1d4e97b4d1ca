import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import type { HttpConfig } from '../config/http.js';
import type { Contract } from '../contract/contract.js';
import { invalidRequest, notFound } from '../errors.js';
import type { Log } from '../log/log.js';
import type { Operations } from '../operations/operation.js';
import type { Tracing } from '../tracing/tracing.js';
import { createAdmission } from './admission.js';
import { createAuthentication } from './authentication.js';
import { createCrossOrigin } from './crossOrigin.js';
import { createJsonBodyReader } from './body.js';
import { createDispatch, matchRoute } from './dispatch.js';
import { servePageFiles } from '../pages/files.js';
import { replyToError } from './errorReply.js';
import { createRateLimit, type CountRequest } from './rateLimit.js';
import { contextOf, requestContext, setHeaders, type RequestWatch } from './requestContext.js';
import { createSecurityHeaders } from './securityHeaders.js';
import type { Step } from './steps.js';
import type { Waiters } from './live/waiters.js';
import { createWebSockets } from './live/webSockets.js';

/** What answers the requests of a server. */
export interface Application {
  handle: (request: Request, response: Response) => Promise<void>;
  /** Where requests and responses have their methods from. */
  express: Express;
}

/**
 * Builds the application: every request passes these steps in this order. What an answer needs comes first, then
 * what refuses a request for least. Then the contract's operations answer it, or Express, whose way from one
 * handler to the next costs more than most steps do: an assignment would take a thirtieth longer.
 *
 * @param options.countRequest counts the requests of a caller; undefined where there is no limit
 * @param options.waiters those who wait for a reply that comes later
 * @param options.watch is told of every request
 * @param options.tracing has each take part in its trace
 */
export function createApp(options: {
  config: HttpConfig;
  contract: Contract;
  operations: Operations;
  countRequest: CountRequest | undefined;
  waiters: Waiters;
  watch: RequestWatch;
  tracing: Tracing;
  log: Log;
}): Application {
  const { config, contract, operations, countRequest, waiters, watch, tracing, log } = options;
  const admission = createAdmission(config.inFlight);
  const readBody = createJsonBodyReader(config.bodyLimitBytes, config.jsonLimits);
  const steps: readonly Step[] = [
    requestContext({
      ...{ log, admission, watch, tracing },
      trustsProxy: config.trustProxy !== false,
    }),
    assertHeaders,
    createCrossOrigin(config.corsOrigins, contract.methods),
    ...(config.rootPath === '' ? [] : [stripRootPath(config.rootPath)]),
    ...(config.sendsSecurityHeaders ? [createSecurityHeaders(contract)] : []),
    matchRoute(contract),
    where('isLimited', (_request, response) => {
      admission.admit(contextOf(response));
    }),
    where('isGuarded', createAuthentication(config.apiKeys)),
  ];
  const answer = createDispatch(
    contract,
    operations,
    { limitRate: countRequest && createRateLimit(countRequest), readBody },
    { waiters, webSockets: createWebSockets(config.corsOrigins) },
  );
  const app = createDocumentation(config, contract);

  return {
    express: app,
    async handle(request, response) {
      // By which Express's methods find the other one, as in its own `app.handle`.
      request.res = response;
      try {
        for (const step of steps) {
          step(request, response);
          if (response.headersSent) {
            return;
          }
        }
        const { match } = contextOf(response);
        if (match === undefined) {
          app(request, response);
        } else {
          await answer(match, request, response);
        }
      } catch (error) {
        await replyToError(error, request, response);
      }
    },
  };
}

/** Serves what the pages of the documentation need. All else is not found. */
function createDocumentation(config: HttpConfig, contract: Contract): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', config.trustProxy);
  app.use((_request, response, next) => {
    setHeaders(response);
    next();
  });
  app.use(servePageFiles(contract, config.rootPath));
  app.use((request) => {
    throw notFound(`Nothing is found at ${request.path}`);
  });
  app.use((thrown: unknown, request: Request, response: Response, next: NextFunction) => {
    // By its four parameters Express knows a handler of errors.
    replyToError(thrown, request, response).catch(next);
  });
  return app;
}

/** What Node lets pass: no Host (RFC 9112, section 3.2), and before 20.20 a header without a name. */
const assertHeaders: Step = ({ headers, httpVersion }) => {
  if (headers.host === undefined && httpVersion === '1.1') {
    throw invalidRequest([{ in: 'header', pointer: '/Host', message: 'is required' }]);
  }
  if ('' in headers) {
    throw invalidRequest([{ in: 'header', pointer: '/', message: 'has no name' }]);
  }
};

/** A step for the operations that the contract secures, or limits; health and documentation stay open. */
function where(kind: 'isGuarded' | 'isLimited', step: Step): Step {
  return (request, response) => {
    if (contextOf(response).match?.[kind]) {
      step(request, response);
    }
  };
}

/** A proxy may strip the root path before it forwards a request, or leave it. */
function stripRootPath(rootPath: string): Step {
  return (request) => {
    const rest = request.url.slice(rootPath.length);
    if (request.url.startsWith(rootPath) && /^([/?]|$)/.test(rest)) {
      request.url = rest.startsWith('/') ? rest : `/${rest}`;
    }
  };
}
