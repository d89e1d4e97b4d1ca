import { listOf, textsOf, type JsonObject } from './json.js';

/** The types that a schema names, without null. */
export function typesOf({ type }: JsonObject): string[] {
  return (typeof type === 'string' ? [type] : textsOf(type)).filter((one) => one !== 'null');
}

/** A schema's example, or else its default, as one would enter it. */
export function exampleOf(schema: JsonObject): string | undefined {
  const [example = schema.default] = listOf(schema.examples);
  return example === undefined || typeof example === 'string' ? example : JSON.stringify(example);
}

/** The numbers that a schema takes, in words; empty where it takes all. */
export function rangeOf({ minimum, maximum }: JsonObject): string {
  const [least, most] = [minimum, maximum].map((limit) =>
    typeof limit === 'number' ? String(limit) : undefined,
  );
  if (least !== undefined && most !== undefined) {
    return `from ${least} to ${most}`;
  }
  return least !== undefined ? `from ${least}` : most !== undefined ? `up to ${most}` : '';
}
