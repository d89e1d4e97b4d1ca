import { InvalidRequest, MethodNotAllowed } from '../errors.js';
import type { OpenApiDocument, OpenApiOperation } from './document.js';

/** The operation that a request asks for. */
export interface Match {
  operationId: string;
  /** The path as the contract writes it, such as /result/{task_id}. */
  path: string;
  takesBody: boolean;
  /** Whether it may ask for a key: its `security` in the contract says so. */
  isGuarded: boolean;
  /** Of the headers that it takes, as the contract writes them. */
  headerNames: readonly string[];
  /** Decoded, by name. */
  pathParameters: Record<string, string>;
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
  operations: ReadonlyMap<string, OpenApiOperation>;
}

/** The name of the only security scheme, under `components.securitySchemes` of the contract. */
const KEY_SCHEME = 'ApiKey';

const METHODS = ['get', 'put', 'post', 'delete', 'patch'];

/**
 * Makes the route table of the contract's paths. A path without parameters goes before one with
 * (OpenAPI 3.1, "Path Templating Matching"); a trailing slash is ignored; HEAD is answered as GET.
 */
export function createRoutes(document: OpenApiDocument): Routes {
  const routes = Object.entries(document.paths).map(([path, item]) => routeOf(path, item));
  const pathById = new Map(
    routes.flatMap(({ path, operations }) =>
      [...operations.values()].map(({ operationId }) => [operationId, path]),
    ),
  );
  const count = routes.reduce((sum, { operations }) => sum + operations.size, 0);
  if (pathById.size !== count) {
    throw new Error('The contract uses an operationId twice');
  }
  const fixed = new Map(
    routes.filter(({ path }) => !path.includes('{')).map((route) => [key(route.segments), route]),
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
    match(method, path) {
      // The target of a request may be no path, as in OPTIONS * (RFC 9112, section 3.2).
      if (!path.startsWith('/')) {
        return undefined;
      }
      const segments = segmentsOf(path);
      const route = fixed.get(key(segments)) ?? templated.find((one) => fits(one, segments));
      if (route === undefined) {
        return undefined;
      }
      const operation = route.operations.get(method === 'HEAD' ? 'GET' : method);
      if (operation === undefined) {
        throw new MethodNotAllowed(method, [...methodsOf(route), 'OPTIONS']);
      }
      return {
        operationId: operation.operationId,
        path: route.path,
        takesBody: operation.requestBody !== undefined,
        isGuarded: (operation.security ?? document.security ?? []).some(
          (schemes) => KEY_SCHEME in schemes,
        ),
        headerNames: headerNamesOf(operation),
        pathParameters: parametersOf(route, segments),
      };
    },
  };
}

function routeOf(path: string, item: OpenApiDocument['paths'][string]): PathRoute {
  const operations = new Map(
    METHODS.flatMap((method) => {
      const operation = item[method];
      if (operation === undefined) {
        return [];
      }
      if (typeof operation.operationId !== 'string') {
        throw new Error(`The contract gives ${method} ${path} no operationId`);
      }
      assertKnownSchemes(operation);
      return [[method.toUpperCase(), operation] as const];
    }),
  );
  return { path, segments: segmentsOf(path), operations };
}

/** A scheme that nothing looks at would leave the operation open. */
function assertKnownSchemes({ operationId, security = [] }: OpenApiOperation): void {
  const unknown = security.flatMap(Object.keys).find((scheme) => scheme !== KEY_SCHEME);
  if (unknown !== undefined) {
    throw new Error(`The contract secures ${operationId} by ${unknown}, not by ${KEY_SCHEME}`);
  }
}

function headerNamesOf({ parameters = [] }: OpenApiOperation): string[] {
  return parameters.filter((one) => one.in === 'header').map(({ name }) => name);
}

function segmentsOf(path: string): string[] {
  return path.replace(/\/+$/, '').split('/').slice(1);
}

function key(segments: readonly string[]): string {
  return segments.join('/');
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

function methodsOf({ operations }: PathRoute): string[] {
  const methods = [...operations.keys()];
  return methods.includes('GET') ? ['HEAD', ...methods] : methods;
}
