import type { ErrorObject, Options, SchemaValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { pointerPart } from '../json/jsonPointer.js';
import type { OpenApiDocument } from './document.js';
import { partBelow, type Part } from './schemaParts.js';
import {
  BY_TASK_TYPE,
  DOCUMENT,
  requestsByTaskType,
  resolved,
  withRequestsByTaskType,
  type RequestsByTaskType,
  type Schema,
} from './taskTypes.js';

/** The verdict of a schema on a value. */
export interface Verdict {
  /** None where the value fits: the first one, or all that are there. */
  errors: readonly ErrorObject[];
  /** JSON pointers of the values that the schema marks `x-sensitive`, in a value that fits. */
  sensitive: readonly string[];
}

/**
 * Holds a value against a schema. To list all errors takes half a second of CPU for a million characters
 * of wrong items, so that it is asked for only where the value is known to be small.
 */
export type Check = (value: unknown, listsAllErrors: boolean) => Verdict;

/**
 * Returns the function that compiles the schema at these keys of the document. Schemas are compiled where
 * they stand, so that their own references resolve.
 *
 * @param isChecked that the document has been found good: a schema is then compiled when a value is first held
 * against it, so that the start need not wait for all of them; otherwise at once, and a bad one throws
 */
export function createSchemaCompiler(
  written: OpenApiDocument,
  isChecked: boolean,
): (...keys: string[]) => Check {
  const overlooked = isChecked ? undefined : sensitiveBelowContains(written, written);
  if (overlooked !== undefined) {
    throw new Error(`The contract has x-sensitive below contains, at ${overlooked}: use items`);
  }
  const deciding = once(() => createAjv(written, { validateSchema: !isChecked }));
  // The same schemas, which have been found good by then.
  const listing = once(() => createAjv(written, { allErrors: true, validateSchema: false }));

  return (...keys) => {
    const reference = referenceTo(...keys);
    const decide = once(() => deciding().compile(reference));
    const list = once(() => listing().compile(reference));
    if (!isChecked) {
      decide();
    }

    return (value, listsAllErrors) => {
      const sensitive: string[] = [];
      const fits = decide();
      if (fits.call(sensitive, value)) {
        return { errors: [], sensitive };
      }
      const told = listsAllErrors ? list() : fits;
      if (listsAllErrors) {
        told.call([], value);
      }
      return { errors: (told.errors ?? []).map(originalOf), sensitive: [] };
    };
  };
}

/** Makes a value when it is first asked for. */
function once<Value>(make: () => Value): () => Value {
  let made: { value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}

/**
 * Where a schema has `x-sensitive` below `contains`, as a JSON pointer: ajv looks at no further item once `contains` is
 * fulfilled, so that a sensitive one might be overlooked.
 *
 * @param document in which references of the schema lead to others
 */
export function sensitiveBelowContains(
  schema: unknown,
  document: OpenApiDocument,
): string | undefined {
  const seen = new Set<string>();
  const find = (
    node: unknown,
    pointer: string,
    part: Part,
    isBelow: boolean,
  ): string | undefined => {
    if (typeof node !== 'object' || node === null || part === 'value') {
      return undefined;
    }
    if (part === 'keywords' && isBelow) {
      if ('x-sensitive' in node && node['x-sensitive'] === true) {
        return pointer;
      }
      const { $ref } = node as Schema;
      if ($ref !== undefined && !seen.has($ref)) {
        seen.add($ref);
        if (find(resolved(document, { $ref }), '', 'keywords', true) !== undefined) {
          return pointer;
        }
      }
    }
    for (const [key, value] of Object.entries(node)) {
      const at = `${pointer}${pointerPart(key)}`;
      const isContained = isBelow || (part === 'keywords' && key === 'contains');
      const found = find(value, at, partBelow(part, key), isContained);
      if (found !== undefined) {
        return found;
      }
    }
    return undefined;
  };
  return find(schema, '', 'keywords', false);
}

/** An ajv that knows the contract, as `openapi.yaml`, and its keywords. */
export function createAjv(document: OpenApiDocument, options: Options): Ajv2020 {
  const ajv = new Ajv2020({
    // What it has to say of schemas is an error, or for those who write them.
    ...{ strictTypes: false, logger: false },
    ...options,
    allowUnionTypes: true,
    passContext: true,
    // Errors name their schema and value, of which validation.ts makes its messages.
    verbose: true,
  });
  formats.default(ajv);
  for (const format of UNCHECKED_FORMATS) {
    ajv.addFormat(format, true);
  }
  ajv.addKeyword({
    keyword: 'x-sensitive',
    schemaType: 'boolean',
    errors: false,
    compile: (isSensitive: boolean) =>
      // ajv calls it with the context that its validator was called with.
      function (this: string[], _value, at) {
        if (isSensitive) {
          this.push(at?.instancePath ?? '');
        }
        return true;
      },
  });
  const requests = requestsByTaskType(document);
  ajv.addKeyword({
    keyword: BY_TASK_TYPE,
    schemaType: 'boolean',
    errors: 'full',
    compile: () => holdByTaskType(requests, ajv),
  });
  // ajv's strict mode accepts a $ref into the document only when it knows the document's own keywords.
  ajv.addVocabulary([...new Set([...Object.keys(document), ...annotationsIn(document)])]);
  ajv.addSchema(withRequestsByTaskType(document), DOCUMENT);
  return ajv;
}

/** Formats that Pydantic writes, and that ajv-formats does not know. */
const UNCHECKED_FORMATS = [
  ...['path', 'file-path', 'directory-path', 'binary', 'base64url', 'json-string', 'color'],
  ...['ipv4network', 'ipv6network', 'ipvanyaddress', 'ipvanyinterface', 'ipvanynetwork'],
  ...['multi-host-uri', 'uuid1', 'uuid3', 'uuid4', 'uuid5', 'uuid6', 'uuid7', 'uuid8'],
];

/** Keywords that ask for nothing: of this contract, of OpenAPI, and the authors' own (`x-` and more). */
function annotationsIn(document: OpenApiDocument): Set<string> {
  const found = new Set(['discriminator']);
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) {
      return;
    }
    for (const [key, value] of Object.entries(node)) {
      if (key.startsWith('x-') && key !== 'x-sensitive') {
        found.add(key);
      }
      visit(value);
    }
  };
  visit(document);
  return found;
}

/**
 * Holds a request against the schema of its task type alone, which is compiled when the first such request comes: with
 * many types, each request would cost more, and the start far more, if all of them were one schema.
 */
function holdByTaskType(requests: RequestsByTaskType, ajv: Ajv2020): SchemaValidateFunction {
  const { other } = requests;
  const validators = new Map([[other, ajv.compile(other.schema)]]);
  const hold: SchemaValidateFunction = function (this: string[], value: unknown, at) {
    const request = requests.of(value);
    const fits = validators.get(request) ?? ajv.compile(request.schema);
    validators.set(request, fits);
    // Params that are left out are none: the schema of its params may ask for some.
    const held = request.mayLackParams && lacksParams(value) ? { ...value, params: {} } : value;
    const isGood = fits.call(this, held, at);
    if (!isGood) {
      hold.errors = (fits.errors ?? []).map(copyOf);
    }
    return isGood;
  };
  return hold;
}

/**
 * ajv writes the whole request into the errors of a keyword like this, where they have the value that is wrong: it gets
 * copies.
 */
const originals = new WeakMap<object, ErrorObject>();

function copyOf(error: ErrorObject): ErrorObject {
  const copy = { ...error };
  originals.set(copy, error);
  return copy;
}

function originalOf(error: ErrorObject): ErrorObject {
  return originals.get(error) ?? error;
}

function lacksParams(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !('params' in value);
}

function referenceTo(...keys: string[]): { $ref: string } {
  const pointer = keys.map((key) => `/${encodeURIComponent(pointerPart(key).slice(1))}`).join('');
  return { $ref: `${DOCUMENT}#${pointer}` };
}
