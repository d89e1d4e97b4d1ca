import type { RequestHandler, Response } from 'express';
import { ContractError, type Contract, type OperationId } from '../contract/contract.js';
import type { RequestValues } from '../contract/validation.js';
import type { JsonDocument } from '../json/jsonDocument.js';
import { writeJson } from '../json/jsonText.js';
import type { Input, Operations } from '../operations/operation.js';
import { createJsonBodyReader } from './body.js';
import { contextOf } from './requestContext.js';

/** An operation, its types forgotten: the contract has just been held against what it is given. */
type AnyOperation = (
  input: RequestValues & Pick<Input<OperationId>, 'annotate'> & { sent: JsonDocument | undefined },
) => Reply | Promise<Reply>;

interface Reply {
  status: number;
  mediaType: string;
  body: object | string;
}

/**
 * Returns the handler that leads a request through the contract to its operation and sends the reply.
 *
 * @throws ContractError if the contract's operations and the functions don't match one to one
 */
export function createDispatch(
  contract: Contract,
  operations: Operations,
  bodyLimitBytes: number,
): RequestHandler {
  assertOneToOne(contract.operationIds, Object.keys(operations));
  const readBody = createJsonBodyReader(bodyLimitBytes);

  return async (request, response, next) => {
    const match = contract.match(request.method, request.path);
    if (match === undefined) {
      next();
      return;
    }
    const { fields } = contextOf(response);
    fields.route = match.path;
    const sent = match.takesBody ? await readBody(request, response) : undefined;
    const values = { pathParameters: match.pathParameters, body: sent?.value };
    contract.validate(match.operationId, values);
    const operation = operations[match.operationId as OperationId] as AnyOperation;
    const annotate = (more: object) => Object.assign(fields, more);
    const reply = await operation({ ...values, sent, annotate });
    send(response, reply);
  };
}

function send(response: Response, { status, mediaType, body }: Reply): void {
  response
    .status(status)
    .set('Cache-Control', 'no-store')
    .type(mediaType)
    .send(typeof body === 'string' ? body : writeJson(body));
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
