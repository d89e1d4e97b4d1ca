import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import type { HttpConfig } from '../config/http.js';
import type { Contract } from '../contract/contract.js';
import { ClientVisibleError, invalidRequest, methodNotAllowed } from '../errors.js';
import type { Log } from '../log/log.js';
import type { RequestMetrics } from '../metrics/httpMetrics.js';
import type { Operations } from '../operations/operation.js';
import { servePageFiles } from '../pages/files.js';
import type { Tracing } from '../tracing/tracing.js';
import { createAdmission } from './admission.js';
import { createAuthentication } from './authentication.js';
import { createBodyReader } from './body.js';
import { createCrossOrigin } from './crossOrigin.js';
import { replyToError } from './errorReply.js';
import type { Waiters } from './live/waiters.js';
import { createWebSockets } from './live/webSockets.js';
import { createAnswer, createValidation } from './operations.js';
import { createRateLimit, type CountRequest } from './rateLimit.js';
import { contextOf, requestContext, setHeaders } from './requestContext.js';
import { createSecurityHeaders } from './securityHeaders.js';

/**
 * Builds the application. A request passes what is mounted here from top to bottom: what every answer needs, the
 * checks that refuse it before its body is read, its body, its operation. Whatever one of them throws becomes an answer in the
 * error handler at the end.
 *
 * @param options.countRequest counts the requests of a caller; undefined where there is no limit
 * @param options.waiters the requests that wait for a reply that comes later
 * @param options.watch is told of every request
 * @throws ContractError if the contract's operations and the functions don't match one to one
 */
export function createApp(options: {
  config: HttpConfig;
  contract: Contract;
  operations: Operations;
  countRequest: CountRequest | undefined;
  waiters: Waiters;
  watch: RequestMetrics;
  tracing: Tracing;
  log: Log;
}): Express {
  const { config, contract, operations, countRequest, waiters, watch, tracing, log } = options;
  const admission = createAdmission(config.inFlight);
  const admit = (_request: Request, response: Response, next: NextFunction): void => {
    admission.admit(contextOf(response));
    next();
  };
  const authenticate = createAuthentication(config.apiKeys);
  const limitRate = countRequest && createRateLimit(countRequest);
  const readBody = createBodyReader(config.bodyLimitBytes, config.jsonLimits);
  const webSockets = createWebSockets(config.cors.origins);
  const validate = createValidation(contract, webSockets);
  const answer = createAnswer(contract, operations, waiters, webSockets);

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.set('trust proxy', config.trustProxy);

  const trustsProxy = config.trustProxy !== false;
  // As one route of every path: from one `app.use` to the next, Express looks at the path again, and `app.all` would
  // add every handler once for each method that Node knows.
  app
    .route(/^/)
    .all(
      requestContext({ log, admission, watch, tracing, trustsProxy }),
      assertHeaders,
      createCrossOrigin(config.cors, contract.methods, log),
      tidyPath(config.rootPath),
      ...(config.sendsSecurityHeaders ? [createSecurityHeaders(contract)] : []),
    );
  for (const { expressPath, routes, methods } of contract.paths) {
    const at = app.route(expressPath);
    for (const route of routes) {
      const { isLimited, isGuarded, takesBody } = route;
      at[route.method](
        (_request, response, next) => {
          const context = contextOf(response);
          context.route = route;
          context.fields.route = route.path;
          next();
        },
        ...(isLimited ? [admit] : []),
        ...(isGuarded && config.apiKeys.length > 0 ? [authenticate] : []),
        ...(isLimited && limitRate !== undefined ? [limitRate] : []),
        ...(takesBody ? [readBody] : []),
        validate,
        answer,
      );
    }
    at.all(({ method }) => {
      throw methodNotAllowed(method, [...methods, 'OPTIONS']);
    });
  }
  app.use((_request, response, next) => {
    setHeaders(response);
    next();
  });
  app.use(servePageFiles(contract, config.rootPath));
  app.use(({ path }) => {
    throw new ClientVisibleError('not_found', `Nothing is found at ${path}`);
  });
  // Express knows a handler of errors by its four parameters.
  app.use((thrown: unknown, request: Request, response: Response, next: NextFunction) => {
    const error =
      thrown instanceof URIError ? undecodable(contract.parameterIn(request.path)) : thrown;
    replyToError(error, request, response).catch(next);
  });
  return app;
}

/** Refuses what Node lets pass: no Host (RFC 9112, section 3.2), and before 20.20 a header without a name. */
function assertHeaders(
  { headers, httpVersion }: Request,
  _response: Response,
  next: NextFunction,
): void {
  if (headers.host === undefined && httpVersion === '1.1') {
    throw invalidRequest([{ in: 'header', pointer: '/Host', message: 'is required' }]);
  }
  if ('' in headers) {
    throw invalidRequest([{ in: 'header', pointer: '/', message: 'has no name' }]);
  }
  next();
}

/** Names the parameter, which the error of Express does not. */
function undecodable(name: string | undefined): Error {
  const pointer = name === undefined ? '' : `/${name}`;
  return invalidRequest([{ in: 'path', pointer, message: 'is not percent-encoded UTF-8' }]);
}

/**
 * Cuts off the root path, which a proxy may strip or leave, and slashes at the end of the path but one, which Express
 * ignores.
 */
function tidyPath(rootPath: string): express.RequestHandler {
  return (request, _response, next) => {
    let { url } = request;
    if (rootPath !== '' && url.startsWith(rootPath)) {
      const rest = url.slice(rootPath.length);
      if (/^([/?]|$)/.test(rest)) {
        url = rest.startsWith('/') ? rest : `/${rest}`;
      }
    }
    if (url.includes('//')) {
      const query = url.indexOf('?');
      const pathEnd = query < 0 ? url.length : query;
      let end = pathEnd;
      while (url.endsWith('//', end)) {
        end -= 1;
      }
      url = url.slice(0, end) + url.slice(pathEnd);
    }
    request.url = url;
    next();
  };
}
