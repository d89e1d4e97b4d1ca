import { invalidRequest, methodNotAllowed } from '../errors.js';
import type { OpenApiDocument, OpenApiOperation } from './document.js';
import { queryParameterOf, type QueryParameter } from './query.js';

/** The operation that a request asks for. */
export interface Match {
  operationId: string;
  /** The path as the contract writes it, such as /result/{task_id}. */
  path: string;
  takesBody: boolean;
  needsBody: boolean;
  /** Whether it may ask for a key: its `security` in the contract says so. */
  isGuarded: boolean;
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
  /** Of the headers that it takes: as the contract writes them, and as Node does. */
  headerNames: readonly { name: string; field: string }[];
  queryParameters: readonly QueryParameter[];
  /** Decoded, by name. */
  pathParameters: Readonly<Record<string, string>>;
}

export interface Routes {
  operationIds: readonly string[];
  methods: readonly string[];
  pathOf(operationId: string): string;
  match(method: string, path: string): Match | undefined;
}

interface PathRoute {
  path: string;
  /** What a path that is meant looks like: its groups are the values of the parameters. */
  pattern: RegExp;
  parameterNames: readonly string[];
  /** By method, in capitals. */
  matches: ReadonlyMap<string, Match>;
}

/** The names of the security schemes, under `components.securitySchemes` of the contract. */
const KEY_SCHEME = 'ApiKey';
const QUERY_KEY_SCHEME = 'ApiKeyInQuery';
const BEARER_SCHEME = 'BearerKey';
const KNOWN_SCHEMES = [KEY_SCHEME, QUERY_KEY_SCHEME, BEARER_SCHEME];

const METHODS = ['get', 'put', 'post', 'delete', 'patch'];

/**
 * Makes the route table of the contract's paths. A path without parameters goes before one with
 * (OpenAPI 3.1, "Path Templating Matching"); a trailing slash is ignored; HEAD is answered as GET.
 */
export function createRoutes(document: OpenApiDocument): Routes {
  const routes = Object.entries(document.paths).map(([path, item]) =>
    routeOf(path, item, document.security),
  );
  const pathById = new Map(
    routes.flatMap(({ path, matches }) =>
      [...matches.values()].map(({ operationId }) => [operationId, path]),
    ),
  );
  const count = routes.reduce((sum, { matches }) => sum + matches.size, 0);
  if (pathById.size !== count) {
    throw new Error('The contract uses an operationId twice');
  }
  /** By path, with and without a slash at the end, as the contract has both. */
  const fixed = new Map(
    routes
      .filter(({ path }) => !path.includes('{'))
      .flatMap((route) => {
        const path = withoutTrailingSlashes(route.path);
        return [
          [path, route],
          [`${path}/`, route],
        ];
      }),
  );
  const templated = routes.filter(({ path }) => path.includes('{'));

  return {
    operationIds: [...pathById.keys()],
    methods: [...new Set(routes.flatMap(methodsOf))],
    pathOf(operationId) {
      const path = pathById.get(operationId);
      if (path === undefined) {
        throw new Error(`The contract has no operation ${operationId}`);
      }
      return path;
    },
    match(method, sentPath) {
      // The target of a request may be no path, as in OPTIONS * (RFC 9112, section 3.2).
      if (!sentPath.startsWith('/')) {
        return undefined;
      }
      const path = fixed.has(sentPath) ? sentPath : withoutTrailingSlashes(sentPath);
      const route = fixed.get(path);
      if (route !== undefined) {
        return matchOf(route, method);
      }
      for (const template of templated) {
        const found = template.pattern.exec(path);
        if (found !== null) {
          const pathParameters = parametersOf(template, found);
          return { ...matchOf(template, method), pathParameters };
        }
      }
      return undefined;
    },
  };
}

/** Its match, before the path's parameters are known. */
function matchOf(route: PathRoute, method: string): Match {
  const match = route.matches.get(method === 'HEAD' ? 'GET' : method);
  if (match === undefined) {
    throw methodNotAllowed(method, [...methodsOf(route), 'OPTIONS']);
  }
  return match;
}

function routeOf(
  path: string,
  item: OpenApiDocument['paths'][string],
  security: OpenApiDocument['security'] = [],
): PathRoute {
  const matches = new Map<string, Match>();
  for (const method of METHODS) {
    const operation = item[method];
    if (operation === undefined) {
      continue;
    }
    if (typeof operation.operationId !== 'string') {
      throw new Error(`The contract gives ${method} ${path} no operationId`);
    }
    assertKnownSchemes(operation);
    const schemes = new Set((operation.security ?? security).flatMap(Object.keys));
    const isGuarded = schemes.has(KEY_SCHEME);
    matches.set(method.toUpperCase(), {
      operationId: operation.operationId,
      path,
      takesBody: operation.requestBody !== undefined,
      isGuarded,
      takesKeyInQuery: schemes.has(QUERY_KEY_SCHEME),
      takesBearer: schemes.has(BEARER_SCHEME),
      isLimited: isGuarded && operation['x-unlimited'] !== true,
      isProbe: operation['x-probe'] === true,
      isWebSocket: '101' in (operation.responses ?? {}),
      needsBody: operation.requestBody?.required === true,
      headerNames: headerNamesOf(operation),
      queryParameters: (operation.parameters ?? [])
        .filter((one) => one.in === 'query')
        .map(queryParameterOf),
      pathParameters: {},
    });
  }
  return { path, ...templateOf(withoutTrailingSlashes(path)), matches };
}

/** A scheme that nothing looks at would leave the operation open. */
function assertKnownSchemes({ operationId, security = [] }: OpenApiOperation): void {
  const unknown = security.flatMap(Object.keys).find((scheme) => !KNOWN_SCHEMES.includes(scheme));
  if (unknown !== undefined) {
    throw new Error(`The contract secures ${operationId} by ${unknown}, not by ${KEY_SCHEME}`);
  }
}

function headerNamesOf({ parameters = [] }: OpenApiOperation): Match['headerNames'] {
  return parameters
    .filter((one) => one.in === 'header')
    .map(({ name }) => ({ name, field: name.toLowerCase() }));
}

function withoutTrailingSlashes(path: string): string {
  return path.endsWith('/') ? path.replace(/\/+$/, '') : path;
}

function templateOf(path: string): Pick<PathRoute, 'pattern' | 'parameterNames'> {
  const parameterNames: string[] = [];
  const source = path.replace(/\{([^}]*)\}|[\\^$.*+?()[\]{}|]/g, (text, name?: string) => {
    if (name === undefined) {
      return `\\${text}`;
    }
    parameterNames.push(name);
    return '([^/]*)';
  });
  return { pattern: new RegExp(`^${source}$`), parameterNames };
}

function parametersOf(
  { parameterNames }: PathRoute,
  found: readonly string[],
): Record<string, string> {
  const parameters: Record<string, string> = {};
  parameterNames.forEach((name, index) => {
    parameters[name] = decode(name, found[index + 1] ?? '');
  });
  return parameters;
}

function decode(name: string, text: string): string {
  try {
    return text.includes('%') ? decodeURIComponent(text) : text;
  } catch {
    throw invalidRequest([
      { in: 'path', pointer: `/${name}`, message: 'is not percent-encoded UTF-8' },
    ]);
  }
}

function methodsOf({ matches }: PathRoute): string[] {
  const methods = [...matches.keys()];
  return methods.includes('GET') ? ['HEAD', ...methods] : methods;
}
