import type { Contract, Route } from './contract.js';
import { at, parseJson, textOf } from './json.js';
import type { Keyring } from './key.js';
import type { Reach } from './reach.js';

export interface Call {
  /** The path's parameters, by name. */
  path?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, string>>;
  /** JSON as text. */
  body?: string;
  headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  text: string;
  body: unknown;
}

/** Calls the operations of the service by their ids. */
export interface Api {
  has: (operationId: string) => boolean;
  /** @throws NotOffered, Unreachable, Refused */
  call: (operationId: string, call?: Call) => Promise<Answer>;
  /** Gives the answer while it still comes in. Throws as `call` does. */
  open: (operationId: string, call: Call, signal: AbortSignal) => Promise<Response>;
}

/** This version of the service has no such operation. */
export class NotOffered extends Error {
  override readonly name = 'NotOffered';
}

/** Nothing came back, or something that is not the service's. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** The service's own error. */
export class Refused extends Error {
  override readonly name = 'Refused';

  constructor(
    readonly status: number,
    readonly body: unknown,
    /** How long it asks to wait, in milliseconds; 0 where it does not. */
    readonly retryAfterMs: number,
  ) {
    super(textOf(at(body, 'message')));
  }
}

/** Longer than the service takes to answer, whatever Redis does, unless somebody has set it so. */
const PATIENCE_MS = 20_000;

export function createApi(contract: Contract, keyring: Keyring, reach: Reach): Api {
  const send = async (
    operationId: string,
    call: Call,
    accept: string,
    signal: AbortSignal,
  ): Promise<Response> => {
    const route = contract.routeOf(operationId);
    if (route === undefined) {
      throw new NotOffered(operationId);
    }
    const key = keyring.key();
    const response = await fetch(addressOf(route, call), {
      method: route.method,
      headers: headersOf(call, key, accept),
      body: call.body ?? null,
      cache: 'no-store',
      signal,
    });
    if (!response.ok) {
      const error = await errorOf(response);
      if (error instanceof Refused && error.status === 401) {
        keyring.ask(key);
      }
      throw error;
    }
    return response;
  };
  /** Tells the banner how it went. */
  const watched = async <Value>(work: () => Promise<Value>): Promise<Value> => {
    try {
      const value = await work();
      reach.succeeded();
      return value;
    } catch (error) {
      if (error instanceof Refused || error instanceof NotOffered) {
        reach.succeeded();
        throw error;
      }
      const reason = reasonOf(error);
      if (reason === undefined) {
        throw error;
      }
      reach.failed(reason);
      throw new Unreachable(reason, { cause: error });
    }
  };

  return {
    has: (operationId) => contract.routeOf(operationId) !== undefined,
    call: (operationId, call = {}) =>
      watched(async () => {
        const signal = AbortSignal.timeout(PATIENCE_MS);
        const response = await send(operationId, call, 'application/json', signal);
        const text = await response.text();
        const body = parseJson(text);
        if (body === undefined) {
          throw new Unreachable('what answers is not the service');
        }
        return { text, body };
      }),
    open: (operationId, call, signal) =>
      watched(() => send(operationId, call, 'text/event-stream', signal)),
  };
}

/** Undefined for a call that the page has ended itself. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof Unreachable) {
    return error.message;
  }
  if (error instanceof DOMException) {
    return error.name === 'TimeoutError' ? 'no answer in time' : undefined;
  }
  // What fetch rejects with where nothing answers, and how, differs from browser to browser.
  return error instanceof TypeError ? 'no connection' : undefined;
}

function addressOf({ path }: Route, call: Call): string {
  const filled = path.replaceAll(/\{([^}]+)\}/g, (_part, name: string) =>
    encodeURIComponent(call.path?.[name] ?? ''),
  );
  const query = new URLSearchParams(call.query).toString();
  return query === '' ? filled : `${filled}?${query}`;
}

function headersOf(call: Call, key: string, accept: string): Record<string, string> {
  return {
    Accept: accept,
    ...(call.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(key === '' ? {} : { 'x-api-key': key }),
    ...call.headers,
  };
}

async function errorOf(response: Response): Promise<Error> {
  const body = parseJson(await response.text());
  if (at(body, 'status') !== 'error') {
    return new Unreachable(`something else answers ${response.status}`);
  }
  if ([404, 405].includes(response.status)) {
    return new NotOffered(textOf(at(body, 'message')));
  }
  const seconds = Number(response.headers.get('Retry-After') ?? '0');
  return new Refused(response.status, body, Number.isFinite(seconds) ? seconds * 1_000 : 0);
}
