import { at, isObject, listOf, textOf, textsOf, type JsonObject } from './json.js';

/** An operation that this service has. */
export interface Route {
  method: string;
  /** As the contract writes it, such as /result/{task_id}, below the service's own path. */
  path: string;
}

/** What the service's own contract tells the page. */
export interface Contract {
  title: string;
  version: string;
  asksForKeys: boolean;
  routeOf: (operationId: string) => Route | undefined;
  /** The types of tasks whose params have a schema, by name. */
  taskTypes: ReadonlyMap<string, TaskSchema>;
  /** Of the options that an assignment takes; undefined where it takes none. */
  options: JsonObject | undefined;
  isTaskId: (text: string) => boolean;
  /** A schema in place of a reference to it. */
  resolve: (schema: unknown) => JsonObject;
}

export interface TaskSchema {
  params: JsonObject;
  isRequired: boolean;
}

/** Reads an OpenAPI 3.1 document as this service writes it. */
export function readContract(document: unknown): Contract {
  const [server] = listOf(at(document, 'servers'));
  const base = textOf(at(server, 'url')).replace(/\/$/, '');
  const routes = new Map<string, Route & { security: readonly unknown[] }>();
  for (const [path, item] of entriesOf(at(document, 'paths'))) {
    for (const [method, operation] of entriesOf(item)) {
      const security = listOf(at(operation, 'security'));
      const route = { method: method.toUpperCase(), path: `${base}${path}`, security };
      routes.set(textOf(at(operation, 'operationId')), route);
    }
  }
  const resolve = (schema: unknown): JsonObject => {
    const reference = textOf(at(schema, '$ref'));
    const found = reference === '' ? {} : at(document, ...reference.slice(2).split('/'));
    // What stands beside a reference holds too (JSON Schema 2020-12, section 8.2.3.1).
    return { ...(isObject(found) ? found : {}), ...(isObject(schema) ? schema : {}) };
  };
  const request = resolve({ $ref: '#/components/schemas/AssignTaskRequest' });
  const requests = listOf(request.oneOf).map(resolve);
  const [options] = requests.flatMap((one) => at(one, 'properties', 'options') ?? []);
  const pattern = textOf(at(document, 'components', 'schemas', 'TaskId', 'pattern'));
  const security = routes.get('assignTask')?.security ?? [];

  return {
    title: textOf(at(document, 'info', 'title')),
    version: textOf(at(document, 'info', 'version')),
    asksForKeys: security.length > 0 && security.every((one) => entriesOf(one).length > 0),
    routeOf: (operationId) => routes.get(operationId),
    taskTypes: new Map(requests.flatMap((one) => taskTypesOf(one, resolve))),
    options: options === undefined ? undefined : resolve(options),
    // A browser takes these two out of an address, whatever they are written as.
    isTaskId: (text) => new RegExp(pattern, 'u').test(text) && text !== '.' && text !== '..',
    resolve,
  };
}

/** The types that a request names as its `task_type`; none where it takes the types of no other. */
function taskTypesOf(request: JsonObject, resolve: Contract['resolve']): [string, TaskSchema][] {
  const taskType = at(request, 'properties', 'task_type');
  const names = [...textsOf([at(taskType, 'const')]), ...textsOf(at(taskType, 'enum'))];
  const params = at(request, 'properties', 'params');
  const isRequired = textsOf(request.required).includes('params');
  return params === undefined
    ? []
    : names.map((name) => [name, { params: resolve(params), isRequired }]);
}

function entriesOf(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : [];
}
