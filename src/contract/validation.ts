import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { InvalidRequest, type RequestFault } from '../errors.js';
import { pointerPart } from '../json/jsonPointer.js';
import type { OpenApiDocument, OpenApiOperation } from './document.js';

/** What a request gives an operation. */
export interface RequestValues {
  pathParameters: Record<string, string>;
  /** The parsed JSON body. */
  body: unknown;
}

/** Holds a request's values against the contract. Throws InvalidRequest that lists every fault. */
export type Validate = (operationId: string, values: RequestValues) => void;

/** Compiles a validator for each operation that takes path parameters or a body. */
export function createValidation(document: OpenApiDocument): Validate {
  const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true });
  formats.default(ajv);
  // ajv's strict mode accepts a $ref into the document only when it knows the document's own keywords.
  ajv.addVocabulary(Object.keys(document));
  ajv.addSchema(document, DOCUMENT);
  const partsById = new Map<string, readonly Part[]>();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const compile = (...keys: string[]) => {
        try {
          return ajv.compile(referenceTo('paths', path, method, ...keys));
        } catch (error) {
          const where = `${method.toUpperCase()} ${path}, ${keys.join(' ')}`;
          throw new Error(
            `The contract has a bad schema at ${where}: ${(error as Error).message}`,
            {
              cause: error,
            },
          );
        }
      };
      partsById.set(operation.operationId, [
        ...pathParts(operation, compile),
        ...bodyParts(operation, compile),
      ]);
    }
  }

  return (operationId, values) => {
    const faults = (partsById.get(operationId) ?? []).flatMap(({ validate, select, where }) =>
      validate(select(values)) ? [] : faultsOf(where, validate.errors ?? []),
    );
    if (faults.length > 0) {
      throw new InvalidRequest(withoutRepetitions(faults).slice(0, MAXIMUM_FAULTS));
    }
  };
}

const DOCUMENT = 'openapi.yaml';

/** A part of the request that one schema describes. */
interface Part {
  where: { in: RequestFault['in']; pointer: string };
  select: (values: RequestValues) => unknown;
  validate: ValidateFunction;
}

/** Compiles the schema at these keys below the operation. */
type Compile = (...keys: string[]) => ValidateFunction;

/** Schemas are compiled where they stand in the document, so that their own references resolve. */
function referenceTo(...keys: string[]): { $ref: string } {
  const pointer = keys.map((key) => `/${encodeURIComponent(pointerPart(key).slice(1))}`).join('');
  return { $ref: `${DOCUMENT}#${pointer}` };
}

function pathParts(operation: OpenApiOperation, compile: Compile): Part[] {
  return (operation.parameters ?? []).flatMap((parameter, index) => {
    if (parameter.in !== 'path') {
      throw new Error(
        `The contract's parameter ${parameter.name} of ${operation.operationId} is in ` +
          `'${parameter.in}': only parameters in the path are supported`,
      );
    }
    return {
      where: { in: 'path' as const, pointer: pointerPart(parameter.name) },
      select: (values: RequestValues) => values.pathParameters[parameter.name],
      validate: compile('parameters', String(index), 'schema'),
    };
  });
}

function bodyParts({ requestBody }: OpenApiOperation, compile: Compile): Part[] {
  if (requestBody === undefined) {
    return [];
  }
  return [
    {
      where: { in: 'body', pointer: '' },
      select: (values) => values.body,
      validate: compile('requestBody', 'content', 'application/json', 'schema'),
    },
  ];
}

/** `maxItems` of the errors in the contract. */
const MAXIMUM_FAULTS = 100;

function faultsOf(where: Part['where'], errors: readonly ErrorObject[]): RequestFault[] {
  return errors
    .filter(({ keyword }) => keyword !== 'if')
    .slice(0, MAXIMUM_FAULTS)
    .map(({ keyword, instancePath, params, message }) => {
      const pointer = `${where.pointer}${instancePath}`;
      if (keyword === 'required') {
        const name = pointerPart(String(params.missingProperty));
        return { in: where.in, pointer: `${pointer}${name}`, message: 'is required' };
      }
      return { in: where.in, pointer, message: message ?? `does not fit ${keyword}` };
    });
}

/** Two schemas that hold for the same value may find the same fault. */
function withoutRepetitions(faults: readonly RequestFault[]): RequestFault[] {
  return [...new Map(faults.map((fault) => [`${fault.pointer} ${fault.message}`, fault])).values()];
}
