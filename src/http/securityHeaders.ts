import type { RequestHandler } from 'express';
import helmet from 'helmet';
import type { Contract } from '../contract/contract.js';

/**
 * Sets the headers that keep a browser from doing more with an answer than it is meant for. The pages of the
 * documentation may load what they need from here; every other answer nothing at all.
 */
export function createSecurityHeaders(contract: Contract): RequestHandler {
  const pages = [contract.pathOf('getSwaggerUi'), contract.pathOf('getRedoc')];
  const forPages = withPolicy(PAGE_POLICY);
  const forOthers = withPolicy({});

  return (request, response, next) => {
    const isPage = pages.includes(request.path.replace(/\/+$/, ''));
    (isPage ? forPages : forOthers)(request, response, next);
  };
}

type Policy = Readonly<Record<string, string[]>>;

const PAGE_POLICY: Policy = {
  scriptSrc: ["'self'"],
  // Both pages, and the scripts of both, write styles into the document.
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:'],
  fontSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  // ReDoc builds its search index in a worker that it makes of a text.
  workerSrc: ['blob:'],
};

function withPolicy(policy: Policy): RequestHandler {
  return helmet({
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
}
