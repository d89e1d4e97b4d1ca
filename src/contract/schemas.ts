import type { ErrorObject, Options } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { pointerPart } from '../json/jsonPointer.js';
import type { OpenApiDocument } from './document.js';
import { withRequestsByTaskType } from './taskTypes.js';

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
  const overlooked = isChecked ? undefined : sensitiveBelowContains(written);
  if (overlooked !== undefined) {
    throw new Error(`The contract has x-sensitive below contains, at ${overlooked}: use items`);
  }
  const document = once(() => withRequestsByTaskType(written));
  const deciding = once(() => createAjv(document(), { validateSchema: !isChecked }));
  // The same schemas, which have been found good by then.
  const listing = once(() => createAjv(document(), { allErrors: true, validateSchema: false }));

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
      return { errors: told.errors ?? [], sensitive: [] };
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
 */
export function sensitiveBelowContains(
  node: unknown,
  pointer = '',
  isBelow = false,
): string | undefined {
  if (typeof node !== 'object' || node === null) {
    return undefined;
  }
  if (isBelow && 'x-sensitive' in node) {
    return pointer;
  }
  for (const [key, value] of Object.entries(node)) {
    const at = `${pointer}${pointerPart(key)}`;
    const found = sensitiveBelowContains(value, at, isBelow || key === 'contains');
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

const DOCUMENT = 'openapi.yaml';

/** An ajv that knows the contract, as `openapi.yaml`, and its keywords. */
export function createAjv(document: OpenApiDocument, options: Options): Ajv2020 {
  // Errors name their schema and value (`verbose`), of which validation.ts makes its messages.
  const ajv = new Ajv2020({ ...options, allowUnionTypes: true, passContext: true, verbose: true });
  formats.default(ajv);
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
  // ajv's strict mode accepts a $ref into the document only when it knows the document's own keywords.
  ajv.addVocabulary([...Object.keys(document), 'x-maximum', 'x-allowed', 'x-any-name', 'x-fault']);
  ajv.addSchema(document, DOCUMENT);
  return ajv;
}

function referenceTo(...keys: string[]): { $ref: string } {
  const pointer = keys.map((key) => `/${encodeURIComponent(pointerPart(key).slice(1))}`).join('');
  return { $ref: `${DOCUMENT}#${pointer}` };
}
