import { IncomingMessage, ServerResponse } from 'node:http';
import type { Express } from 'express';

/** When a request's head was there, by `performance.now()`. */
export function arrivedAt(request: IncomingMessage): number {
  return (request as IncomingMessage & { readonly arrivedAt: number }).arrivedAt;
}

/**
 * Classes of requests and responses that have Express's methods from their birth, for `http.createServer`. Express
 * gives them to each message that it gets by `Object.setPrototypeOf`, after which V8 treats every access to it as
 * an exception: that would be half of what a request costs. On these the call changes nothing.
 *
 * @param mayUpgrade whether a request that asks for another protocol may have it; Node would let all of them
 */
export function messageClasses(
  app: Express,
  mayUpgrade: (request: IncomingMessage) => boolean,
): { IncomingMessage: typeof IncomingMessage; ServerResponse: typeof ServerResponse } {
  class Request extends IncomingMessage {
    readonly arrivedAt = performance.now();
    declare asksForUpgrade: boolean | null;

    /** Node asks it, once the head is read, whether to take the connection out of HTTP. */
    get upgrade(): boolean | null {
      return this.asksForUpgrade && (this.method === 'CONNECT' || mayUpgrade(this));
    }

    set upgrade(value: boolean | null) {
      this.asksForUpgrade = value;
    }
  }
  class Response<Of extends IncomingMessage> extends ServerResponse<Of> {}
  Object.setPrototypeOf(Request.prototype, app.request);
  Object.setPrototypeOf(Response.prototype, app.response);
  app.request = Request.prototype as unknown as Express['request'];
  app.response = Response.prototype as unknown as Express['response'];
  return { IncomingMessage: Request, ServerResponse: Response };
}
