import { InvalidRequest, MethodNotAllowed } from '../errors.js';
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
  segments: readonly string[];
  /** By method, in capitals. */
  matches: ReadonlyMap<string, Match>;
}

/** The names of the security schemes, under `components.securitySchemes` of the contract. */
const KEY_SCHEME = 'ApiKey';
const QUERY_KEY_SCHEME = 'ApiKeyInQuery';

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
      const segments = segmentsOf(path);
      const template = templated.find((one) => fits(one, segments));
      return (
        template && {
          ...matchOf(template, method),
          pathParameters: parametersOf(template, segments),
        }
      );
    },
  };
}

/** Its match, before the path's parameters are known. */
function matchOf(route: PathRoute, method: string): Match {
  const match = route.matches.get(method === 'HEAD' ? 'GET' : method);
  if (match === undefined) {
    throw new MethodNotAllowed(method, [...methodsOf(route), 'OPTIONS']);
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
    const schemes = (operation.security ?? security).flatMap(Object.keys);
    matches.set(method.toUpperCase(), {
      operationId: operation.operationId,
      path,
      takesBody: operation.requestBody !== undefined,
      needsBody: operation.requestBody?.required === true,
      isGuarded: schemes.includes(KEY_SCHEME),
      takesKeyInQuery: schemes.includes(QUERY_KEY_SCHEME),
      isWebSocket: '101' in (operation.responses ?? {}),
      headerNames: headerNamesOf(operation),
      queryParameters: (operation.parameters ?? [])
        .filter((one) => one.in === 'query')
        .map(queryParameterOf),
      pathParameters: {},
    });
  }
  return { path, segments: segmentsOf(withoutTrailingSlashes(path)), matches };
}

/** A scheme that nothing looks at would leave the operation open. */
function assertKnownSchemes({ operationId, security = [] }: OpenApiOperation): void {
  const unknown = security
    .flatMap(Object.keys)
    .find((scheme) => scheme !== KEY_SCHEME && scheme !== QUERY_KEY_SCHEME);
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

function segmentsOf(path: string): string[] {
  return path.split('/').slice(1);
}

function fits(route: PathRoute, segments: readonly string[]): boolean {
  return (
    route.segments.length === segments.length &&
    route.segments.every(
      (expected, index) => expected.startsWith('{') || expected === segments[index],
    )
  );
}

function parametersOf(route: PathRoute, segments: readonly string[]): Record<string, string> {
  const parameters: Record<string, string> = {};
  route.segments.forEach((expected, index) => {
    if (expected.startsWith('{')) {
      const name = expected.slice(1, -1);
      parameters[name] = decode(name, segments[index] ?? '');
    }
  });
  return parameters;
}

function decode(name: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new InvalidRequest([
      { in: 'path', pointer: `/${name}`, message: 'is not percent-encoded UTF-8' },
    ]);
  }
}

function methodsOf({ matches }: PathRoute): string[] {
  const methods = [...matches.keys()];
  return methods.includes('GET') ? ['HEAD', ...methods] : methods;
}
