import type { ErrorObject } from 'ajv';
import { invalidRequest, type RequestFault } from '../errors.js';
import { pointerPart } from '../json/jsonPointer.js';
import type { OpenApiDocument, OpenApiOperation, OpenApiParameter } from './document.js';
import { createSchemaCompiler, type Check } from './schemas.js';

/** The values of a request for its operation. */
export interface RequestValues {
  pathParameters: Readonly<Record<string, string>>;
  /** Headers that the contract names, by the contract's names. */
  headers: Readonly<Record<string, string>>;
  /** Parameters that the contract names, as `readQuery` reads them. */
  query: Readonly<Record<string, unknown>>;
  /** The body's value, without what no schema looks into. */
  body: unknown;
}

/**
 * Holds a request's values against the contract. Returns the JSON pointers of the body's sensitive values.
 *
 * Throws invalidRequest that lists every fault, or of a body of more than 64 KiB the first one.
 */
export type Validate = (
  operationId: string,
  values: RequestValues,
  /** In bytes. */
  bodyLength: number,
) => readonly string[];

/**
 * Makes a check for each operation that takes parameters or a body.
 *
 * @param isChecked that the document's schemas have been found good
 */
export function createValidation(document: OpenApiDocument, isChecked: boolean): Validate {
  const compileAt = createSchemaCompiler(document, isChecked);
  const partsById = new Map<string, readonly Part[]>();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const compile: Compile = (...keys) => {
        try {
          return compileAt('paths', path, method, ...keys);
        } catch (error) {
          const where = `${method.toUpperCase()} ${path}, ${keys.join(' ')}`;
          throw new Error(
            `The contract has a bad schema at ${where}: ${(error as Error).message}`,
            { cause: error },
          );
        }
      };
      partsById.set(operation.operationId, [
        ...parameterParts(operation, compile),
        ...bodyParts(operation, compile),
      ]);
    }
  }

  return (operationId, values, bodyLength) => {
    let faults: readonly RequestFault[] = NONE;
    let sensitive: readonly string[] = NONE;
    for (const part of partsById.get(operationId) ?? NONE) {
      const judgement = judge(part, values, bodyLength);
      if (judgement.faults.length > 0) {
        faults = [...faults, ...judgement.faults];
      }
      if (part.where.in === 'body') {
        sensitive = judgement.sensitive;
      }
    }
    if (faults.length > 0) {
      throw invalidRequest(withoutRepetitions(faults));
    }
    return sensitive;
  };
}

const NONE: readonly never[] = [];
const FAULTLESS = { faults: NONE, sensitive: NONE };

/** A longer body gets its first fault alone, as the contract's description of errors says. */
const MAXIMUM_LISTED_LENGTH = 64 * 1024;

/** A part of the request that one schema describes. */
interface Part {
  where: { in: RequestFault['in']; pointer: string };
  isRequired: boolean;
  select: (values: RequestValues) => unknown;
  check: Check;
}

/** Compiles the schema at these keys below the operation. */
type Compile = (...keys: string[]) => Check;

function judge(
  { where, isRequired, select, check }: Part,
  values: RequestValues,
  bodyLength: number,
): { faults: readonly RequestFault[]; sensitive: readonly string[] } {
  const value = select(values);
  if (value === undefined && (where.in !== 'body' || !isRequired)) {
    return isRequired
      ? { faults: [{ ...where, message: 'is required' }], sensitive: NONE }
      : FAULTLESS;
  }
  const listsAll = where.in !== 'body' || bodyLength <= MAXIMUM_LISTED_LENGTH;
  const { errors, sensitive } = check(value, listsAll);
  return { faults: errors.length === 0 ? NONE : faultsOf(where, errors), sensitive };
}

function parameterParts(operation: OpenApiOperation, compile: Compile): Part[] {
  return (operation.parameters ?? []).map((parameter, index) => ({
    ...placeOf(operation, parameter),
    isRequired: parameter.required === true,
    check: compile('parameters', String(index), 'schema'),
  }));
}

function placeOf(
  { operationId }: OpenApiOperation,
  { name, in: place }: OpenApiParameter,
): Pick<Part, 'where' | 'select'> {
  const pointer = pointerPart(name);
  switch (place) {
    case 'path':
      return { where: { in: place, pointer }, select: (values) => values.pathParameters[name] };
    case 'query':
      return { where: { in: place, pointer }, select: (values) => values.query[name] };
    case 'header':
      return { where: { in: place, pointer }, select: (values) => values.headers[name] };
    default:
      throw new Error(
        `The contract's parameter ${name} of ${operationId} is in '${place}': ` +
          'only parameters in the path, in the query and in headers are supported',
      );
  }
}

function bodyParts({ requestBody }: OpenApiOperation, compile: Compile): Part[] {
  if (requestBody === undefined) {
    return [];
  }
  return [
    {
      where: { in: 'body', pointer: '' },
      isRequired: requestBody.required === true,
      select: (values) => values.body,
      check: compile('requestBody', 'content', 'application/json', 'schema'),
    },
  ];
}

/** `maxItems` of the errors in the contract. */
const MAXIMUM_FAULTS = 100;

/** The messages tell of the schema, and of no value. */
function faultsOf(where: Part['where'], errors: readonly ErrorObject[]): RequestFault[] {
  return errors
    .flatMap(faultOf)
    .slice(0, MAXIMUM_FAULTS)
    .map(({ pointer, message }) => ({
      in: where.in,
      pointer: `${where.pointer}${pointer}`,
      message,
    }));
}

/** What an error of ajv says, and of which part of the value; nothing for one that repeats others. */
export function faultOf(error: ErrorObject): { pointer: string; message: string }[] {
  const { keyword, params, propertyName, instancePath } = error;
  if (keyword === 'if' || propertyName !== undefined) {
    return [];
  }
  const ofMember = MEMBER_FAULTS[keyword];
  if (ofMember === undefined) {
    return [{ pointer: instancePath, message: messageOf(error) }];
  }
  const name = pointerPart(String(params[ofMember.parameter]));
  return [{ pointer: `${instancePath}${name}`, message: ofMember.message }];
}

/** ajv's message, where it is not one for programmers alone. */
function messageOf({ keyword, params, message, data, parentSchema }: ErrorObject): string {
  const ownMessage = message ?? `does not fit ${keyword}`;
  switch (keyword) {
    case 'minLength':
    case 'pattern': {
      if (data === '') {
        return 'is empty';
      }
      const allowed: unknown = parentSchema?.['x-allowed'];
      return typeof allowed === 'string' ? `must be ${allowed}: it ${ownMessage}` : ownMessage;
    }
    case 'not': {
      const fault: unknown = parentSchema?.['x-fault'];
      return typeof fault === 'string' ? fault : ownMessage;
    }
    case 'enum':
      return `must be one of ${(params.allowedValues as unknown[]).map((value) => JSON.stringify(value)).join(', ')}`;
    case 'const':
      return `must be ${JSON.stringify(params.allowedValue)}`;
    default:
      return ownMessage;
  }
}

/** Faults that ajv finds in an object and that are its member's, which a parameter of the error names. */
const MEMBER_FAULTS: Readonly<Record<string, { parameter: string; message: string }>> = {
  required: { parameter: 'missingProperty', message: 'is required' },
  additionalProperties: { parameter: 'additionalProperty', message: 'is not known' },
  propertyNames: { parameter: 'propertyName', message: "has a name that can't be used here" },
};

/** Two schemas that hold for the same value may find the same fault. */
function withoutRepetitions(faults: readonly RequestFault[]): RequestFault[] {
  const keyOf = (fault: RequestFault) => `${fault.in} ${fault.pointer} ${fault.message}`;
  return [...new Map(faults.map((fault) => [keyOf(fault), fault])).values()];
}
