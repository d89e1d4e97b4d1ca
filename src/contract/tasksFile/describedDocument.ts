import { pointerPart } from '../../json/jsonPointer.js';
import type { OpenApiDocument, OpenApiOperation } from '../document.js';
import {
  assignsOne,
  otherRequest,
  resolved,
  schemasOf,
  withRequests,
  type Schema,
} from '../taskTypes.js';
import { createComponentNames, TASK_SCHEMAS, type ComponentNames } from './componentNames.js';
import { createComponentSchemas, type ComponentSchemas, type Source } from './componentSchemas.js';
import type { FileFault } from './faults.js';
import type { DescribedTask, TasksFile } from './tasksFiles.js';

/** The contract with the task types of tasks files in it. */
export interface DescribedDocument {
  document: OpenApiDocument;
  /** By the names of the schemas that come from the files. */
  sources: ReadonlyMap<string, Source>;
  faults: readonly FileFault[];
}

/**
 * Puts tasks files into the contract: for each task type a request of its own, and its params, result and progress
 * as schemas. Documentation, console, checks and generated clients take them from there.
 */
export function withTasks(
  document: OpenApiDocument,
  files: readonly TasksFile[],
): DescribedDocument {
  const names = createComponentNames(Object.keys(schemasOf(document)));
  const added = createComponentSchemas(names);
  const requests = files.flatMap((file) => addFile(file, names, added));
  const schemas = { ...schemasOf(document), ...Object.fromEntries(added.schemas) };
  const described = { ...document, components: { ...document.components, schemas } };
  const ofRequests = requests.map((request) => ({
    name: `${request.name}${TASK_SCHEMAS.request}`,
    schema: requestSchema(described, request),
    taskType: request.taskType,
  }));
  return {
    document: withExamples(withRequests(described, ofRequests), requests),
    sources: added.sources,
    faults: [...added.faults, ...paramsFaults(described, requests, added.sources)],
  };
}

/** Adds the schemas of a file. Returns the requests of its task types. */
function addFile(file: TasksFile, names: ComponentNames, added: ComponentSchemas): TaskRequest[] {
  const { tasks, schemas = {} } = file;
  const shared = new Map(Object.keys(schemas).map((name) => [name, names.of(name)]));
  for (const [name, schema] of Object.entries(schemas)) {
    const pointer = `/schemas${pointerPart(name)}`;
    added.add(shared.get(name) ?? name, schema, { file, pointer }, shared);
  }
  return Object.entries(tasks).map(([taskType, described]) => {
    const task = described ?? {};
    const name = names.ofTask(taskType);
    for (const kind of ['params', 'result', 'progress'] as const) {
      const schema = task[kind];
      if (schema !== undefined) {
        const pointer = `/tasks${pointerPart(taskType)}/${kind}`;
        added.add(`${name}${TASK_SCHEMAS[kind]}`, schema, { file, pointer }, shared);
      }
    }
    return { taskType, name, task };
  });
}

function paramsFaults(
  document: OpenApiDocument,
  requests: readonly TaskRequest[],
  sources: DescribedDocument['sources'],
): FileFault[] {
  return requests.flatMap(({ name }) => {
    const source = sources.get(`${name}${TASK_SCHEMAS.params}`);
    return source === undefined || resolved(document, paramsOf(name)).type === 'object'
      ? []
      : [{ ...source, message: 'must have type: object, as params are an object' }];
  });
}

interface TaskRequest {
  taskType: string;
  /** What the names of its schemas begin with. */
  name: string;
  task: DescribedTask;
}

/** Where the params of a type are described. */
function paramsOf(name: string): Schema {
  return { $ref: `#/components/schemas/${name}${TASK_SCHEMAS.params}` };
}

/** The request of one task type: without a schema for its params, it takes what that of any other type takes. */
function requestSchema(document: OpenApiDocument, { taskType, name, task }: TaskRequest): Schema {
  const { properties = {}, ...other } = otherRequest(document);
  const about = {
    description: task.summary ?? `A task of the type \`${taskType}\`.`,
    type: 'object',
  };
  const task_type = { type: 'string', const: taskType, default: taskType };
  if (task.params === undefined) {
    return { ...other, ...about, properties: { ...properties, task_type } };
  }
  const params = paramsOf(name);
  const { required = [] } = resolved(document, params);
  const { options = {} } = properties;
  return {
    ...about,
    // Nobody has to send an empty object.
    required: required.length > 0 ? ['task_type', 'params'] : ['task_type'],
    properties: { task_type, params, options },
  };
}

/** The first example of each type's params, as a request that assigns a task, before the examples of the contract. */
function withExamples(
  document: OpenApiDocument,
  requests: readonly TaskRequest[],
): OpenApiDocument {
  const examples = requests.flatMap(({ taskType, task }): [string, object][] => {
    const [params] = (task.params as { examples?: unknown[] } | undefined)?.examples ?? [];
    const value = { task_type: taskType, params };
    return params === undefined ? [] : [[taskType, { summary: task.summary ?? taskType, value }]];
  });
  const withThem = (operation: OpenApiOperation): OpenApiOperation => {
    const { requestBody } = operation;
    const json = requestBody?.content[JSON_TYPE];
    if (json === undefined || !assignsOne(json.schema)) {
      return operation;
    }
    const all: object = { ...Object.fromEntries(examples), ...json.examples };
    const content = { ...requestBody?.content, [JSON_TYPE]: { ...json, examples: all } };
    return { ...operation, requestBody: { ...requestBody, content } };
  };
  const paths = Object.entries(document.paths).map(([path, item]) => [
    path,
    Object.fromEntries(
      Object.entries(item).map(([method, operation]) => [method, withThem(operation)]),
    ),
  ]);
  return { ...document, paths: Object.fromEntries(paths) as OpenApiDocument['paths'] };
}

const JSON_TYPE = 'application/json';
