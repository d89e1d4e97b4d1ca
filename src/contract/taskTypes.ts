import { nodeAt, type OpenApiDocument } from './document.js';

/** The task types whose params the contract describes: each is told by an alternative of AssignTaskRequest. */
export function describedTaskTypes(document: OpenApiDocument): string[] {
  return alternativesOf(document).flatMap(({ taskTypes }) => taskTypes);
}

/** The name of the contract among the schemas of ajv. */
export const DOCUMENT = 'openapi.yaml';

/** The keyword of a schema that holds a request against the schema of its task type. */
export const BY_TASK_TYPE = 'x-by-task-type';

/** Where the alternatives of AssignTaskRequest stand in the contract that `withRequestsByTaskType` makes. */
const ALTERNATIVES = 'AssignTaskRequestAlternatives';

/**
 * The same contract, in which a request is held against the alternative of AssignTaskRequest that its task type
 * names, and against no other: `oneOf` alone would list the faults that it has as each of them.
 */
export function withRequestsByTaskType(document: OpenApiDocument): OpenApiDocument {
  const schemas = {
    ...schemasOf(document),
    [ALTERNATIVES]: schemasOf(document).AssignTaskRequest,
    AssignTaskRequest: { [BY_TASK_TYPE]: true },
  };
  return { ...document, components: { ...document.components, schemas } };
}

/** The schema of a request, of one task type or of all that have none of their own. */
export interface RequestSchema {
  schema: object;
  /** Whether a request may do without params, which are described. */
  mayLackParams: boolean;
}

export interface RequestsByTaskType {
  /** Of the types that have no request of their own. */
  other: RequestSchema;
  of: (request: unknown) => RequestSchema;
}

/** Throws an Error where the alternatives do not tell themselves apart by their task type. */
export function requestsByTaskType(document: OpenApiDocument): RequestsByTaskType {
  const alternatives = alternativesOf(document);
  const names = alternatives.flatMap(({ taskTypes }) => taskTypes);
  assertSameNames(names, otherAlternative(document).excluded);
  const byType = new Map<unknown, RequestSchema>();
  let other: RequestSchema = { schema: {}, mayLackParams: false };
  for (const [index, { schema, taskTypes }] of alternatives.entries()) {
    const written = { $ref: `${DOCUMENT}#/components/schemas/${ALTERNATIVES}/oneOf/${index}` };
    if (taskTypes.length === 0) {
      other = { schema: written, mayLackParams: false };
    }
    const request = resolved(document, schema);
    const { required = [], properties = {} } = request;
    const own = {
      schema: { allOf: [written, withoutUndescribedArguments(request)] },
      mayLackParams: !required.includes('params') && !('args' in properties),
    };
    for (const taskType of taskTypes) {
      byType.set(taskType, own);
    }
  }
  return {
    other,
    of(request) {
      const taskType = (request as { task_type?: unknown } | null | undefined)?.task_type;
      return byType.get(taskType) ?? other;
    },
  };
}

/** The same contract with more alternatives of AssignTaskRequest, each for one task type, before those that it has. */
export function withRequests(
  document: OpenApiDocument,
  requests: readonly { taskType: string; name: string; schema: Schema }[],
): OpenApiDocument {
  if (requests.length === 0) {
    return document;
  }
  const schemas = schemasOf(document);
  const other = otherAlternative(document);
  const otherName = (other.schema.$ref ?? '').slice(SCHEMAS.length);
  const { properties = {}, ...rest } = otherRequest(document);
  const excluded = [...other.excluded, ...requests.map(({ taskType }) => taskType)];
  const task_type = { ...properties.task_type, not: { enum: excluded } };
  const AssignTaskRequest = {
    ...schemas.AssignTaskRequest,
    oneOf: [
      ...requests.map(({ name }) => ({ $ref: `${SCHEMAS}${name}` })),
      ...(schemas.AssignTaskRequest?.oneOf ?? []),
    ],
  };
  return {
    ...document,
    components: {
      ...document.components,
      schemas: {
        ...schemas,
        ...Object.fromEntries(requests.map(({ name, schema }) => [name, schema])),
        [otherName]: { ...rest, properties: { ...properties, task_type } },
        AssignTaskRequest,
      },
    },
  };
}

/** Whether this is the schema of the request that assigns one task. */
export function assignsOne(schema: Schema | undefined): boolean {
  return schema?.$ref === `${SCHEMAS}AssignTaskRequest`;
}

/** The request of the task types that the contract does not describe. */
export function otherRequest(document: OpenApiDocument): Schema {
  return resolved(document, otherAlternative(document).schema);
}

/** The schema that this one refers to, over others that do, or itself. */
export function resolved(document: OpenApiDocument, schema: Schema): Schema {
  const seen = new Set<string>();
  let found = schema;
  while (found.$ref !== undefined && !seen.has(found.$ref)) {
    seen.add(found.$ref);
    found = nodeAt(document, found.$ref) ?? {};
  }
  return found;
}

function otherAlternative(document: OpenApiDocument): Alternative {
  const [other, ...more] = alternativesOf(document).filter(
    ({ taskTypes }) => taskTypes.length === 0,
  );
  if (other === undefined || more.length > 0) {
    throw new Error(
      'AssignTaskRequest is not oneOf requests that name their task_type and one that takes the others',
    );
  }
  return other;
}

/** One of the requests that AssignTaskRequest may be. */
interface Alternative {
  schema: Schema;
  /** None where it takes the types that the others do not name. */
  taskTypes: readonly string[];
  /** The types that its `task_type` must not be. */
  excluded: readonly string[];
}

export interface Schema {
  $ref?: string;
  description?: string;
  required?: readonly string[];
  type?: unknown;
  additionalProperties?: unknown;
  items?: Schema;
  const?: unknown;
  enum?: readonly unknown[];
  not?: Schema;
  oneOf?: readonly Schema[];
  properties?: Readonly<Record<string, Schema>>;
}

function alternativesOf(document: OpenApiDocument): Alternative[] {
  return (schemasOf(document).AssignTaskRequest?.oneOf ?? []).map((schema) => {
    const taskType = resolved(document, schema).properties?.task_type;
    return { schema, taskTypes: namesOf(taskType), excluded: namesOf(taskType?.not) };
  });
}

const SCHEMAS = '#/components/schemas/';

export function schemasOf({ components }: OpenApiDocument): Readonly<Record<string, Schema>> {
  return (components as { schemas?: Record<string, Schema> }).schemas ?? {};
}

function namesOf(schema: Schema = {}): string[] {
  const values = schema.const === undefined ? (schema.enum ?? []) : [schema.const];
  return values.filter((value) => typeof value === 'string');
}

/** Whoever reads the contract as it is written finds a request in one alternative, and in one alone. */
function assertSameNames(named: readonly string[], excluded: readonly string[]): void {
  const twice = named.find((name, index) => named.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new Error(`AssignTaskRequest has two requests for ${twice}`);
  }
  const missing = named.find((name) => !excluded.includes(name));
  if (missing !== undefined) {
    throw new Error(
      `AssignTaskRequest has a request for ${missing}, and another that takes it too`,
    );
  }
  const lost = excluded.find((name) => !named.includes(name));
  if (lost !== undefined) {
    throw new Error(`AssignTaskRequest has no request that takes ${lost}`);
  }
}

/** Refuses arguments, which would go past the schema of a request's params, unless it has schemas for them too. */
function withoutUndescribedArguments({ properties = {} }: Schema): object {
  const undescribed = ['args', 'kwargs'].filter((name) => !(name in properties));
  const refused = {
    not: {},
    'x-fault': 'is not taken: this task type has a schema for its params',
  };
  return {
    type: 'object',
    properties: Object.fromEntries(undescribed.map((name) => [name, refused])),
  };
}
