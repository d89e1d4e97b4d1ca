import cors from 'cors';
import express, { type Express, type RequestHandler } from 'express';
import type { Config } from '../config.js';
import type { Contract } from '../contract/contract.js';
import { InvalidRequest, RouteNotFound } from '../errors.js';
import type { Log } from '../log.js';
import type { Operations } from '../operations/operation.js';
import { createAdmission } from './admission.js';
import { createAuthentication } from './authentication.js';
import { createJsonBodyReader } from './body.js';
import { createDispatch, matchRoute } from './dispatch.js';
import { serveDocumentationFiles } from './documentationFiles.js';
import { createErrorReply } from './errorReply.js';
import { createRateLimit, type CountRequest } from './rateLimit.js';
import { contextOf, requestContext } from './requestContext.js';
import { createSecurityHeaders } from './securityHeaders.js';

/**
 * Builds the Express application: every request passes these steps in this order. What an answer needs comes
 * first, then what refuses a request for least.
 *
 * @param options.countRequest counts the requests of a caller; undefined where there is no limit
 */
export function createApp(options: {
  config: Config;
  contract: Contract;
  operations: Operations;
  countRequest: CountRequest | undefined;
  log: Log;
}): Express {
  const { config, contract, operations, countRequest, log } = options;
  const most = { requests: config.maxRequestsInFlight, bytes: config.maxBytesInFlight };
  const readBody = createJsonBodyReader(config.bodyLimitBytes, config.jsonLimits);
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', config.trustProxy);

  app.use(requestContext(log));
  app.use(assertHeaders);
  app.use(cors(corsOptions(config, contract)));
  if (config.rootPath !== '') {
    app.use(stripRootPath(config.rootPath));
  }
  if (config.sendsSecurityHeaders) {
    app.use(createSecurityHeaders(contract));
  }
  app.use(matchRoute(contract));
  app.use(whereGuarded(createAdmission(most)));
  app.use(whereGuarded(createAuthentication(config.apiKeys)));
  if (countRequest !== undefined) {
    app.use(whereGuarded(createRateLimit(countRequest)));
  }
  app.use(createDispatch(contract, operations, readBody));
  app.use(serveDocumentationFiles(contract, config.rootPath));
  app.use((request) => {
    throw new RouteNotFound(`Nothing is found at ${request.path}`);
  });
  app.use(createErrorReply());
  return app;
}

/** What Node lets pass: no Host (RFC 9112, section 3.2), and before 20.20 a header without a name. */
const assertHeaders: RequestHandler = ({ headers, httpVersion }, _response, next) => {
  if (headers.host === undefined && httpVersion === '1.1') {
    throw new InvalidRequest([{ in: 'header', pointer: '/Host', message: 'is required' }]);
  }
  if ('' in headers) {
    throw new InvalidRequest([{ in: 'header', pointer: '/', message: 'has no name' }]);
  }
  next();
};

/** A step for the operations that the contract secures; health and documentation stay open. */
function whereGuarded(step: RequestHandler): RequestHandler {
  return (request, response, next) => {
    if (contextOf(response).match?.isGuarded) {
      return step(request, response, next);
    }
    next();
  };
}

/** A proxy may strip the root path before it forwards a request, or leave it. */
function stripRootPath(rootPath: string): RequestHandler {
  return (request, _response, next) => {
    const rest = request.url.slice(rootPath.length);
    if (request.url.startsWith(rootPath) && /^([/?]|$)/.test(rest)) {
      request.url = rest.startsWith('/') ? rest : `/${rest}`;
    }
    next();
  };
}

function corsOptions({ corsOrigins }: Config, { methods }: Contract): cors.CorsOptions {
  return {
    origin: corsOrigins === '*' ? '*' : [...corsOrigins],
    methods: [...methods],
    exposedHeaders: [...EXPOSED_HEADERS],
    maxAge: 600,
  };
}

/** What a page of another origin may read, beside what it always may (Fetch, "CORS-safelisted"). */
const EXPOSED_HEADERS = [
  'X-Request-Id',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
  'Idempotent-Replayed',
];
