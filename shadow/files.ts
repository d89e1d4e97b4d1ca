import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { QuickstartError } from '../stack/failure.js';

/** Compiles the schemas of files. */
export const ajv = new Ajv2020({ allErrors: true, strictRequired: false, allowUnionTypes: true });
formats.default(ajv);

/** Throws a QuickstartError that names the file. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new QuickstartError(`${file} can't be read: ${(error as Error).message}`);
  }
}

/** A text's value, which fits the schema; or throws a QuickstartError that names `where`. */
export function readJson<Value>(
  validate: ValidateFunction<Value>,
  text: string,
  where: string,
): Value {
  const value = parse(text, where);
  if (!validate(value)) {
    throw new QuickstartError(`${where}: ${ajv.errorsText(validate.errors?.map(withNames))}`);
  }
  return value;
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new QuickstartError(`${where}: is not JSON: ${(error as Error).message}`);
  }
}

/** ajv's message does not say which property is too much. */
function withNames(
  error: NonNullable<ValidateFunction['errors']>[number],
): NonNullable<ValidateFunction['errors']>[number] {
  return error.keyword === 'additionalProperties'
    ? { ...error, message: `has an unknown '${String(error.params.additionalProperty)}'` }
    : error;
}
