import type { Request, RequestHandler, Response } from 'express';
import { ContractError, type Contract, type OperationId } from '../contract/contract.js';
import type { RequestValues } from '../contract/validation.js';
import type { JsonDocument } from '../json/jsonDocument.js';
import { writeJson } from '../json/jsonText.js';
import type { Input, Operations } from '../operations/operation.js';
import type { ReadBody } from './body.js';
import { createConstantReplies } from './constantReply.js';
import { contextOf } from './requestContext.js';

/** An operation, its types forgotten: the contract has just been held against what it is given. */
type AnyOperation = (
  input: RequestValues &
    Pick<Input<OperationId>, 'sensitive' | 'client' | 'annotate'> & {
      sent: JsonDocument | undefined;
    },
) => Reply | Promise<Reply>;

interface Reply {
  status: number;
  mediaType: string;
  headers?: Readonly<Record<string, string>>;
  isConstant?: true;
  body: object | string;
}

/** Notes which operation a request asks for. Whatever else it is, the steps behind decide. */
export function matchRoute(contract: Contract): RequestHandler {
  return (request, response, next) => {
    const context = contextOf(response);
    context.match = contract.match(request.method, request.path);
    if (context.match !== undefined) {
      context.fields.route = context.match.path;
    }
    next();
  };
}

/**
 * Returns the handler that leads a request through the contract to its operation and sends the reply.
 *
 * @throws ContractError if the contract's operations and the functions don't match one to one
 */
export function createDispatch(
  contract: Contract,
  operations: Operations,
  readBody: ReadBody,
): RequestHandler {
  assertOneToOne(contract.operationIds, Object.keys(operations));
  const sendConstant = createConstantReplies();

  return async (request, response, next) => {
    const { match, fields, client } = contextOf(response);
    if (match === undefined) {
      next();
      return;
    }
    const sent = match.takesBody ? await readBody(request, response) : undefined;
    const values = {
      pathParameters: match.pathParameters,
      headers: headersOf(request, match.headerNames),
      body: sent?.value,
    };
    const sensitive = contract.validate(match.operationId, values, sent?.text.length ?? 0);
    const operation = operations[match.operationId as OperationId] as AnyOperation;
    const annotate = (more: object) => Object.assign(fields, more);
    const reply = await operation({ ...values, sent, sensitive, client, annotate });
    if (reply.isConstant) {
      sendConstant(request, response, reply);
    } else {
      send(response, reply);
    }
  };
}

/** Of a header that was sent twice, Node has joined the values by commas. */
function headersOf(request: Request, names: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of names) {
    const value = request.get(name);
    if (value !== undefined) {
      headers[name] = value;
    }
  }
  return headers;
}

function send(response: Response, { status, mediaType, headers = {}, body }: Reply): void {
  const text = typeof body === 'string' ? body : writeJson(body);
  // All at once, past Express's send: no such answer is cached, negotiated or a range of another.
  response
    .writeHead(status, {
      ...headers,
      'Cache-Control': 'no-store',
      'Content-Type': `${mediaType}; charset=utf-8`,
      'Content-Length': Buffer.byteLength(text),
    })
    .end(text);
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
