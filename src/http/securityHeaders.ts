import type { RequestHandler } from 'express';
import helmet from 'helmet';
import type { Contract } from '../contract/contract.js';
import { headersSetBy } from './headersSetBy.js';
import { contextOf } from './requestContext.js';

/**
 * Adds the headers that keep a browser from doing more with an answer than it is meant for. The pages of the
 * documentation and the console may load what they need from here; every other answer nothing at all.
 */
export function createSecurityHeaders(contract: Contract): RequestHandler {
  const documentation = headersOf(DOCUMENTATION_POLICY);
  const pages = new Map([
    [contract.pathOf('getSwaggerUi'), documentation],
    [contract.pathOf('getRedoc'), documentation],
    [contract.pathOf('getConsole'), headersOf(CONSOLE_POLICY)],
  ]);
  const ofOthers = headersOf({});

  return (request, response, next) => {
    contextOf(response).headers.push(...(pages.get(request.path.replace(/\/$/, '')) ?? ofOthers));
    next();
  };
}

type Policy = Readonly<Record<string, string[]>>;

const DOCUMENTATION_POLICY: Policy = {
  scriptSrc: ["'self'"],
  // Both pages, and the scripts of both, write styles into the document.
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:'],
  fontSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  // ReDoc builds its search index in a worker that it makes of a text.
  workerSrc: ['blob:'],
};

/** No text becomes script or markup: the console shows what tasks give. */
const CONSOLE_POLICY: Policy = {
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ['data:'],
  connectSrc: ["'self'"],
  requireTrustedTypesFor: ["'script'"],
  trustedTypes: ["'none'"],
};

function headersOf(policy: Policy): readonly string[] {
  const protect = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
        ...policy,
      },
    },
    xFrameOptions: { action: 'deny' },
  });
  return headersSetBy(protect);
}
