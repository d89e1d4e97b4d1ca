import type { JsonDocument } from '../json/jsonDocument.js';
import { LARGE_BYTES } from '../json/jsonText.js';
import type { OpenApiDocument } from './document.js';
import {
  assignsOne,
  describedTaskTypes,
  otherRequest,
  resolved,
  type Schema,
} from './taskTypes.js';

/** Makes the value of a body that was sent, for its operation and to be held against the operation's schema. */
export type BodyOf = (operationId: string, sent: JsonDocument) => unknown;

/**
 * In a large body, params and arguments that the contract does not describe become `{}` or `[]`: no schema looks into
 * them, and to make values of them takes longer than all the rest.
 */
export function createBodyOf(document: OpenApiDocument): BodyOf {
  const requests = new Map<string, 'one' | 'list'>();
  for (const { operationId, requestBody } of operationsOf(document)) {
    const schema: Schema | undefined = requestBody?.content['application/json']?.schema;
    if (assignsOne(schema)) {
      requests.set(operationId, 'one');
    } else if (assignsOne(schema?.items)) {
      requests.set(operationId, 'list');
    }
  }
  const described = new Set<unknown>(describedTaskTypes(document));
  const undescribed = undescribedMembers(document);
  const requestOf =
    undescribed.length > 0
      ? (sent: JsonDocument): unknown => {
          if (sent.bytes.length < LARGE_BYTES) {
            return sent.value;
          }
          const taskType = sent.member('task_type');
          return taskType === undefined || described.has(JSON.parse(taskType.text))
            ? sent.value
            : sent.valueWithout(undescribed);
        }
      : (sent: JsonDocument): unknown => sent.value;

  return (operationId, sent) => {
    switch (requests.get(operationId)) {
      case 'one':
        return requestOf(sent);
      case 'list':
        return sent.items?.map(requestOf) ?? sent.value;
      case undefined:
        return sent.value;
    }
  };
}

function operationsOf({ paths }: OpenApiDocument) {
  return Object.values(paths).flatMap((item) => Object.values(item));
}

/** The members into which the request of other task types than the contract describes does not look. */
function undescribedMembers(document: OpenApiDocument): string[] {
  const request = otherRequest(document);
  return Object.keys(request).every((key) => OF_REQUEST.has(key))
    ? ['params', 'args', 'kwargs'].filter((name) =>
        isAnyContainer(resolved(document, request.properties?.[name] ?? {})),
      )
    : [];
}

/** Whether it takes every object or every list. */
function isAnyContainer({ type, ...rest }: Schema): boolean {
  const { additionalProperties = true, items = {}, ...others } = rest;
  return (
    (type === 'object' || type === 'array') &&
    additionalProperties === true &&
    Object.keys(items).length === 0 &&
    Object.keys(others).every((key) => ANNOTATIONS.has(key))
  );
}

/** Keywords that ask for nothing (JSON Schema, section 9 of its vocabulary of validation). */
const ANNOTATIONS: ReadonlySet<string> = new Set([
  ...['title', 'description', 'default', 'deprecated', 'examples', 'example'],
]);

/** Keywords that look into no member themselves: `dependentSchemas` only says which are not given together. */
const OF_REQUEST: ReadonlySet<string> = new Set([
  ...[...ANNOTATIONS, 'type', 'required', 'properties', 'dependentSchemas'],
]);
