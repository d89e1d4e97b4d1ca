import type { Request, RequestHandler, Response } from 'express';
import { ContractError, type Contract, type OperationId } from '../contract/contract.js';
import { readQuery } from '../contract/query.js';
import type { Route } from '../contract/routes.js';
import { writeJsonPieces } from '../json/jsonText.js';
import type { Feed } from '../operations/feed.js';
import type { Operations } from '../operations/operation.js';
import { createConstantReplies } from './constantReply.js';
import { createFeedSender } from './live/feedReply.js';
import type { Waiters } from './live/waiters.js';
import type { WebSockets } from './live/webSockets.js';
import { contextOf, type AnyInput } from './requestContext.js';

type AnyOperation = (input: AnyInput) => Reply | Promise<Reply>;

type Reply = ReplyWith<object | string> | ReplyWith<Feed<object>>;

interface ReplyWith<Body> {
  status: number;
  mediaType: string;
  headers?: Readonly<Record<string, string>>;
  isConstant?: true;
  body: Body;
}

/** Returns the handler that gathers the operation's input. It throws invalidRequest, and what `assertUpgrade` throws. */
export function createValidation(contract: Contract, webSockets: WebSockets): RequestHandler {
  return (request, response, next) => {
    const context = contextOf(response);
    const { fields, client, trace, sent } = context;
    const route = given(context.route);
    const input = {
      pathParameters: request.params as Record<string, string>,
      headers: headersOf(request, route.headerNames),
      query: queryOf(request, route.queryParameters),
      body: sent && contract.bodyOf(route.operationId, sent),
      sent,
      sensitive: NONE as readonly string[],
      client,
      trace,
      annotate: (more: object) => Object.assign(fields, more),
    };
    input.sensitive = contract.validate(route.operationId, input, sent?.bytes.length ?? 0);
    if (route.isWebSocket) {
      webSockets.assertUpgrade(request);
    }
    context.input = input;
    next();
  };
}

/**
 * Returns the handler that hands a validated request to its operation and sends the reply.
 *
 * @throws ContractError if the contract's operations and the functions don't match one to one
 */
export function createAnswer(
  contract: Contract,
  operations: Operations,
  waiters: Waiters,
  webSockets: WebSockets,
): RequestHandler {
  assertOneToOne(contract.operationIds, Object.keys(operations));
  const sendConstant = createConstantReplies();
  const sendFeed = createFeedSender(waiters, webSockets);

  return async (request, response) => {
    const context = contextOf(response);
    const operation = operations[given(context.route).operationId as OperationId] as AnyOperation;
    const reply = await operation(given(context.input));
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

/** A value that an earlier handler of the route has set. */
function given<Value>(value: Value | undefined): Value {
  if (value === undefined) {
    throw new Error('A handler of the route is missing');
  }
  return value;
}

/** Node has joined the values of a repeated header by commas. */
function headersOf({ headers }: Request, names: Route['headerNames']): Record<string, string> {
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
  parameters: Route['queryParameters'],
): Readonly<Record<string, unknown>> {
  return parameters.length === 0 ? NOTHING : readQuery(parameters, request.url);
}

function isFeed(reply: Reply): reply is ReplyWith<Feed<object>> {
  return typeof reply.body === 'function';
}

/** Past Express's own `send`: no such answer is cached, negotiated or a range of another. */
function send(
  response: Response,
  { status, mediaType, headers = NOTHING, body }: ReplyWith<object | string>,
): void {
  const pieces = typeof body === 'string' ? [body] : writeJsonPieces(body);
  const head = contextOf(response).headers;
  head.push(...Object.entries(headers).flat());
  head.push('Cache-Control', 'no-store', 'Content-Type', `${mediaType}; charset=utf-8`);
  const length = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
  head.push('Content-Length', String(length));
  response.writeHead(status, head);
  for (const piece of pieces.slice(0, -1)) {
    response.write(piece);
  }
  response.end(pieces.at(-1));
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
