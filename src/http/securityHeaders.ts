import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';
import type { Contract } from '../contract/contract.js';
import { contextOf } from './requestContext.js';
import type { Step } from './steps.js';

/**
 * Adds the headers that keep a browser from doing more with an answer than it is meant for. The pages of the
 * documentation may load what they need from here; every other answer nothing at all.
 */
export function createSecurityHeaders(contract: Contract): Step {
  const pages = [contract.pathOf('getSwaggerUi'), contract.pathOf('getRedoc')];
  const forPages = headersOf(PAGE_POLICY);
  const forOthers = headersOf({});

  return (request, response) => {
    const isPage = pages.includes(request.path.replace(/\/+$/, ''));
    contextOf(response).headers.push(...(isPage ? forPages : forOthers));
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

/** What helmet sets is the same for every answer, so that it is asked once: names and values in turn. */
function headersOf(policy: Policy): readonly string[] {
  const setHeaders = helmet({
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
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  setHeaders(response.req, response, (error?: unknown) => {
    if (error !== undefined) {
      throw error as Error;
    }
  });
  return Object.entries(response.getHeaders()).flatMap(([name, value]) => [name, String(value)]);
}
