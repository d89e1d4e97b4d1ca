import cors from 'cors';
import express, { type Express, type RequestHandler } from 'express';
import type { Config } from '../config.js';
import type { Contract } from '../contract/contract.js';
import { RouteNotFound } from '../errors.js';
import type { Log } from '../log.js';
import type { Operations } from '../operations/operation.js';
import { createDispatch } from './dispatch.js';
import { serveDocumentationFiles } from './documentationFiles.js';
import { createErrorReply } from './errorReply.js';
import { requestContext } from './requestContext.js';

type HttpConfig = Pick<Config, 'rootPath' | 'trustProxy' | 'corsOrigins' | 'bodyLimitBytes'>;

/** Builds the Express application: every request passes these steps in this order. */
export function createApp(options: {
  config: HttpConfig;
  contract: Contract;
  operations: Operations;
  log: Log;
}): Express {
  const { config, contract, operations, log } = options;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', config.trustProxy);

  app.use(requestContext(log));
  app.use(cors(corsOptions(config, contract)));
  if (config.rootPath !== '') {
    app.use(stripRootPath(config.rootPath));
  }
  app.use(createDispatch(contract, operations, config.bodyLimitBytes));
  app.use(serveDocumentationFiles(contract, config.rootPath));
  app.use((request) => {
    throw new RouteNotFound(`Nothing is found at ${request.path}`);
  });
  app.use(createErrorReply());
  return app;
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

function corsOptions({ corsOrigins }: HttpConfig, { methods }: Contract): cors.CorsOptions {
  return {
    origin: corsOrigins === '*' ? '*' : [...corsOrigins],
    methods: [...methods],
    exposedHeaders: ['X-Request-Id'],
    maxAge: 600,
  };
}
