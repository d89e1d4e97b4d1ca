import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';
import type { Contract } from '../contract/contract.js';
import { contextOf } from './requestContext.js';
import type { Step } from './steps.js';

/**
 * Adds the headers that keep a browser from doing more with an answer than it is meant for. The pages of the
 * documentation and the console may load what they need from here; every other answer nothing at all.
 */
export function createSecurityHeaders(contract: Contract): Step {
  const documentation = headersOf(DOCUMENTATION_POLICY);
  const pages = new Map([
    [contract.pathOf('getSwaggerUi'), documentation],
    [contract.pathOf('getRedoc'), documentation],
    [contract.pathOf('getConsole'), headersOf(CONSOLE_POLICY)],
  ]);
  const forOthers = headersOf({});

  return (request, response) => {
    const headers = pages.get(request.path.replace(/\/+$/, '')) ?? forOthers;
    contextOf(response).headers.push(...headers);
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
