import type { operations } from '../contract/openapi.js';
import type { OperationId } from '../contract/contract.js';
import type { JsonDocument } from '../json/jsonDocument.js';
import type { Feed } from './feed.js';
import type { RequestTrace } from '../tracing/tracing.js';

/** The input that the contract allows for the operation `Id`, already validated. */
export interface Input<Id extends OperationId> {
  pathParameters: PathParametersOf<Id>;
  /** By the contract's names; one that was not sent is absent. */
  headers: HeadersOf<Id>;
  query: QueryOf<Id>;
  /** Params that the contract does not describe may be `{}` here: `sent` has them. */
  body: BodyOf<Id>;
  /** The body as its sender wrote it. */
  sent: undefined extends BodyOf<Id> ? JsonDocument | undefined : JsonDocument;
  /** JSON pointers of the body's values that are not to be shown: the contract says `x-sensitive`. */
  sensitive: readonly string[];
  /** The name of the caller's key; empty where none is asked for. */
  client: string;
  /** Its part in a trace, if it has one. */
  trace: RequestTrace | undefined;
  /** Adds to the one line that the log gets of this request. */
  annotate: (fields: Readonly<Record<string, unknown>>) => void;
}

/** The replies that the contract allows for the operation `Id`. Errors are thrown (`errors.ts`). */
export type ReplyOf<Id extends OperationId> = {
  [Status in keyof operations[Id]['responses']]: operations[Id]['responses'][Status] extends {
    content: infer Content;
  }
    ? ReplyWith<Status, Content>
    : never;
}[keyof operations[Id]['responses']];

export type Operation<Id extends OperationId> = (
  input: Input<Id>,
) => ReplyOf<Id> | Promise<ReplyOf<Id>>;

/** One function for each operation of the contract, no more and no fewer. */
export type Operations = { [Id in OperationId]: Operation<Id> };

type ReplyWith<Status, Content> = {
  [MediaType in keyof Content]: {
    status: Status;
    mediaType: MediaType;
    headers?: Readonly<Record<string, string>>;
    /** Whether this object is the reply to every request. It is kept compressed, and has an ETag. */
    isConstant?: true;
    /**
     * What is not JSON is written by the operation itself. A feed gives one body of JSON later, or the events of a
     * stream or the messages of a WebSocket (101), as long as the client is there.
     */
    body: BodyWith<Status, MediaType, Content[MediaType]>;
  };
}[keyof Content];

type BodyWith<Status, MediaType, Body> = Status extends 101
  ? Feed<Body>
  : MediaType extends 'application/json'
    ? Body | Feed<Body>
    : MediaType extends 'text/event-stream'
      ? Feed<object>
      : string;

type PathParametersOf<Id extends OperationId> = operations[Id]['parameters'] extends {
  path: infer Parameters;
}
  ? Parameters
  : undefined;

type HeadersOf<Id extends OperationId> = operations[Id]['parameters'] extends {
  header?: infer Parameters extends object;
}
  ? Parameters
  : undefined;

type QueryOf<Id extends OperationId> = operations[Id]['parameters'] extends {
  query?: infer Parameters extends object;
}
  ? Parameters
  : undefined;

type BodyOf<Id extends OperationId> = operations[Id] extends {
  requestBody: { content: { 'application/json': infer Body } };
}
  ? Body
  : operations[Id] extends { requestBody?: { content: { 'application/json': infer Body } } }
    ? Body | undefined
    : undefined;
