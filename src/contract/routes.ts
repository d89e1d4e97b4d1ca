import type { OpenApiDocument, OpenApiOperation } from './document.js';
import { queryParameterOf, type QueryParameter } from './query.js';
import { isScope, SCOPES, type Scope } from './scopes.js';

/** A path of the contract and what may be asked there. */
export interface PathRoutes {
  /** As Express writes it, such as /result/:task_id; without a slash at the end. */
  expressPath: string;
  routes: readonly Route[];
  /** Every method that is allowed there, HEAD included. */
  methods: readonly string[];
}

/** An operation and what its requests are held against before it. */
export interface Route {
  operationId: string;
  method: Method;
  /** The path as the contract writes it, such as /result/{task_id}. */
  path: string;
  takesBody: boolean;
  needsBody: boolean;
  /** Whether it may ask for a key: its `security` in the contract says so. */
  isGuarded: boolean;
  /** What the key has to be good for; every guarded operation has one. */
  scope: Scope | undefined;
  /** Whether the key may be in the query, for clients that can't send a header. */
  takesKeyInQuery: boolean;
  /** Whether it goes on as a WebSocket: the contract has a 101. */
  isWebSocket: boolean;
  /** Whether a key may be sent as `Authorization: Bearer` too. */
  takesBearer: boolean;
  /** Whether the rate limit and the bounds of what is in flight hold for it. */
  isLimited: boolean;
  /** Whether probes and scrapes ask for it: a request that does not fail is logged at debug level. */
  isProbe: boolean;
  /** Names of the headers that it takes: as the contract writes them, and as Node does. */
  headerNames: readonly { name: string; field: string }[];
  queryParameters: readonly QueryParameter[];
}

/** All routes of the contract. */
export interface Routes {
  operationIds: readonly string[];
  /** Every method that some route has. */
  methods: readonly string[];
  /** In the order of matching: a path without parameters comes before one that it fits (OpenAPI 3.1, "Path Templating Matching"). */
  paths: readonly PathRoutes[];
  /** The path of an operation, as the contract writes it. */
  pathOf(operationId: string): string;
  /** The name of the first parameter of the path that a request's path fits. */
  parameterIn(requestPath: string): string | undefined;
}

/** The names of the security schemes, under `components.securitySchemes` of the contract. */
const KEY_SCHEME = 'ApiKey';
const QUERY_KEY_SCHEME = 'ApiKeyInQuery';
const BEARER_SCHEME = 'BearerKey';
const KNOWN_SCHEMES = [KEY_SCHEME, QUERY_KEY_SCHEME, BEARER_SCHEME];

const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;
type Method = (typeof METHODS)[number];

/** Makes the routes of the contract's paths. */
export function createRoutes(document: OpenApiDocument): Routes {
  const paths = inOrder(
    Object.entries(document.paths).map(([path, item]) =>
      pathRoutesOf(path, item, document.security),
    ),
  );
  const routes = paths.flatMap((path) => path.routes);
  const pathById = new Map(routes.map(({ operationId, path }) => [operationId, path]));
  if (pathById.size !== routes.length) {
    throw new Error('The contract uses an operationId twice');
  }

  return {
    operationIds: [...pathById.keys()],
    methods: [...new Set(paths.flatMap(({ methods }) => methods))],
    paths,
    pathOf(operationId) {
      const path = pathById.get(operationId);
      if (path === undefined) {
        throw new Error(`The contract has no operation ${operationId}`);
      }
      return path;
    },
    parameterIn(requestPath) {
      const sent = requestPath.replace(/\/$/, '').split('/');
      return paths
        .map(({ expressPath }) => expressPath.split('/'))
        .find(
          (parts) =>
            parts.length === sent.length &&
            parts.every((part, index) => part.startsWith(':') || part === sent[index]),
        )
        ?.find((part) => part.startsWith(':'))
        ?.slice(1);
    },
  };
}

/** The contract's order, as each route before the one that is meant costs a request time. */
function inOrder(paths: readonly PathRoutes[]): PathRoutes[] {
  const patterns = paths
    .filter(({ expressPath }) => expressPath.includes(':'))
    .map(({ expressPath }) => new RegExp(`^${expressPath.replace(/:\w+/g, '[^/]+')}$`));
  const isAmbiguous = ({ expressPath }: PathRoutes): boolean =>
    !expressPath.includes(':') && patterns.some((pattern) => pattern.test(expressPath));
  return [...paths.filter(isAmbiguous), ...paths.filter((one) => !isAmbiguous(one))];
}

function pathRoutesOf(
  path: string,
  item: OpenApiDocument['paths'][string],
  security: OpenApiDocument['security'] = [],
): PathRoutes {
  const routes = METHODS.flatMap((method) => {
    const operation = item[method];
    return operation === undefined ? [] : [routeOf(method, path, operation, security)];
  });
  const methods = routes.map(({ method }) => method.toUpperCase());
  return {
    expressPath: expressPathOf(path),
    routes,
    methods: methods.includes('GET') ? ['HEAD', ...methods] : methods,
  };
}

function routeOf(
  method: Method,
  path: string,
  operation: OpenApiOperation,
  security: NonNullable<OpenApiDocument['security']>,
): Route {
  if (typeof operation.operationId !== 'string') {
    throw new Error(`The contract gives ${method} ${path} no operationId`);
  }
  assertKnownSchemes(operation);
  const schemes = new Set((operation.security ?? security).flatMap(Object.keys));
  const isGuarded = schemes.has(KEY_SCHEME);
  return {
    operationId: operation.operationId,
    method,
    path,
    takesBody: operation.requestBody !== undefined,
    needsBody: operation.requestBody?.required === true,
    isGuarded,
    scope: scopeOf(operation, isGuarded),
    takesKeyInQuery: schemes.has(QUERY_KEY_SCHEME),
    takesBearer: schemes.has(BEARER_SCHEME),
    isLimited: isGuarded && operation['x-unlimited'] !== true,
    isProbe: operation['x-probe'] === true,
    isWebSocket: '101' in (operation.responses ?? {}),
    headerNames: headerNamesOf(operation),
    queryParameters: (operation.parameters ?? [])
      .filter((one) => one.in === 'query')
      .map(queryParameterOf),
  };
}

/** A scheme that nothing checks would leave the operation open. */
function assertKnownSchemes({ operationId, security = [] }: OpenApiOperation): void {
  const unknown = security.flatMap(Object.keys).find((scheme) => !KNOWN_SCHEMES.includes(scheme));
  if (unknown !== undefined) {
    throw new Error(`The contract secures ${operationId} by ${unknown}, not by ${KEY_SCHEME}`);
  }
}

/** A key without a scope to hold it against would be good for the operation, whatever its own scopes are. */
function scopeOf(operation: OpenApiOperation, isGuarded: boolean): Scope | undefined {
  const { operationId, 'x-scope': scope } = operation;
  if (scope === undefined && !isGuarded) {
    return undefined;
  }
  if (!isScope(scope)) {
    const known = SCOPES.join(', ');
    throw new Error(`The contract gives ${operationId} no x-scope that is one of ${known}`);
  }
  return scope;
}

function headerNamesOf({ parameters = [] }: OpenApiOperation): Route['headerNames'] {
  return parameters
    .filter((one) => one.in === 'header')
    .map(({ name }) => ({ name, field: name.toLowerCase() }));
}

/** Characters that mean something in a path of Express (path-to-regexp 8) stand for themselves. */
function expressPathOf(path: string): string {
  const withoutSlash = path.replace(/\/+$/, '');
  return (
    withoutSlash.replace(/\{(\w+)\}|[\\{}()[\]+?!:*]/g, (text, name?: string) =>
      name === undefined ? `\\${text}` : `:${name}`,
    ) || '/'
  );
}
