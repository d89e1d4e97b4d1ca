import type { Request, Response } from 'express';
import { ContractError, type Contract, type OperationId } from '../contract/contract.js';
import { readQuery } from '../contract/query.js';
import type { Match } from '../contract/routes.js';
import type { RequestValues } from '../contract/validation.js';
import type { JsonDocument } from '../json/jsonDocument.js';
import { writeJson } from '../json/jsonText.js';
import type { Feed } from '../operations/feed.js';
import type { Input, Operations } from '../operations/operation.js';
import { remembered } from '../remembered.js';
import type { ReadBody } from './body.js';
import { createConstantReplies } from './constantReply.js';
import { createFeedSender } from './live/feedReply.js';
import { contextOf } from './requestContext.js';
import type { Step } from './steps.js';
import type { Waiters } from './live/waiters.js';
import type { WebSockets } from './live/webSockets.js';

/** An operation, its types forgotten: the contract has just been held against what it is given. */
type AnyOperation = (
  input: RequestValues &
    Pick<Input<OperationId>, 'sensitive' | 'client' | 'trace' | 'annotate'> & {
      sent: JsonDocument | undefined;
    },
) => Reply | Promise<Reply>;

type Reply = ReplyWith<object | string> | ReplyWith<Feed<object>>;

interface ReplyWith<Body> {
  status: number;
  mediaType: string;
  headers?: Readonly<Record<string, string>>;
  isConstant?: true;
  body: Body;
}

/** Notes which operation a request asks for. Whatever else it is, the steps behind decide. */
export function matchRoute(contract: Contract): Step {
  return (request, response) => {
    const context = contextOf(response);
    context.match = contract.match(request.method, request.path);
    if (context.match !== undefined) {
      context.fields.route = context.match.path;
    }
  };
}

/**
 * Returns the handler that leads a request through the contract to its operation and sends the reply.
 *
 * @param before what a request waits for before that: its share of all requests, and its body
 * @param after who waits for a reply that comes later, and how one goes on as a WebSocket
 * @throws ContractError if the contract's operations and the functions don't match one to one
 */
export function createDispatch(
  contract: Contract,
  operations: Operations,
  before: {
    limitRate: ((request: Request, response: Response) => Promise<void>) | undefined;
    readBody: ReadBody;
  },
  after: { waiters: Waiters; webSockets: WebSockets },
): (match: Match, request: Request, response: Response) => Promise<void> {
  assertOneToOne(contract.operationIds, Object.keys(operations));
  const { limitRate, readBody } = before;
  const sendConstant = createConstantReplies();
  const sendFeed = createFeedSender(after.waiters, after.webSockets);

  return async (match, request, response) => {
    const { fields, client, trace } = contextOf(response);
    if (match.isLimited && limitRate !== undefined) {
      await limitRate(request, response);
    }
    let sent;
    if (match.takesBody) {
      const document = readBody(request, response, match.needsBody);
      sent = document instanceof Promise ? await document : document;
    }
    const input = {
      pathParameters: match.pathParameters,
      headers: headersOf(request, match.headerNames),
      query: queryOf(request, match.queryParameters),
      body: sent?.value,
      sent,
      sensitive: NONE as readonly string[],
      client,
      trace,
      annotate: (more: object) => Object.assign(fields, more),
    };
    input.sensitive = contract.validate(match.operationId, input, sent?.text.length ?? 0);
    if (match.isWebSocket) {
      after.webSockets.assertUpgrade(request);
    }
    const operation = operations[match.operationId as OperationId] as AnyOperation;
    const reply = await operation(input);
    if (isFeed(reply)) {
      await sendFeed(request, response, reply, (body) => {
        send(response, { ...reply, body });
      });
    } else if (reply.isConstant) {
      sendConstant(request, response, reply);
    } else {
      send(response, reply);
    }
  };
}

const NONE: readonly never[] = [];
const NOTHING = {};

/** Of a header that was sent twice, Node has joined the values by commas. */
function headersOf({ headers }: Request, names: Match['headerNames']): Record<string, string> {
  if (names.length === 0) {
    return NOTHING;
  }
  const values: Record<string, string> = {};
  for (const { name, field } of names) {
    const value = headers[field];
    if (value !== undefined) {
      values[name] = String(value);
    }
  }
  return values;
}

function queryOf(
  request: Request,
  parameters: Match['queryParameters'],
): Readonly<Record<string, unknown>> {
  return parameters.length === 0 ? NOTHING : readQuery(parameters, request.url);
}

const contentTypeOf = remembered((mediaType) => `${mediaType}; charset=utf-8`);

function isFeed(reply: Reply): reply is ReplyWith<Feed<object>> {
  return typeof reply.body === 'function';
}

function send(
  response: Response,
  { status, mediaType, headers = {}, body }: ReplyWith<object | string>,
): void {
  const text = typeof body === 'string' ? body : writeJson(body);
  const head = contextOf(response).headers;
  for (const [name, value] of Object.entries(headers)) {
    head.push(name, value);
  }
  head.push('Cache-Control', 'no-store');
  head.push('Content-Type', contentTypeOf(mediaType));
  head.push('Content-Length', String(Buffer.byteLength(text)));
  // All at once, past Express's send: no such answer is cached, negotiated or a range of another.
  response.writeHead(status, head).end(text);
}

function assertOneToOne(inContract: readonly string[], inCode: readonly string[]): void {
  const missing = inContract.filter((id) => !inCode.includes(id));
  const unknown = inCode.filter((id) => !inContract.includes(id));
  if (missing.length + unknown.length > 0) {
    throw new ContractError(
      `The contract and the operations differ: without a function [${missing.join(', ')}], ` +
        `not in the contract [${unknown.join(', ')}]`,
    );
  }
}
