/** Keywords whose members are schemas under names of the author's own: none of these names is a keyword. */
const NAMED_SCHEMAS: ReadonlySet<string> = new Set([
  ...['properties', 'patternProperties', 'dependentSchemas', '$defs', 'definitions'],
]);

/** Keywords and members of a contract that hold values, in which nothing is a keyword. */
const VALUES: ReadonlySet<string> = new Set([
  ...['const', 'enum', 'default', 'example', 'examples', 'mapping'],
]);

/** What a part of a schema or of a contract is. */
export type Part = 'keywords' | 'names' | 'value';

/** What the member with this key is, of a part of this kind. */
export function partBelow(part: Part, key: string): Part {
  if (part === 'value') {
    return 'value';
  }
  if (part === 'names') {
    return 'keywords';
  }
  return NAMED_SCHEMAS.has(key) ? 'names' : VALUES.has(key) ? 'value' : 'keywords';
}
