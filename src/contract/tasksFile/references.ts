import { pointerPart } from '../../json/jsonPointer.js';

/** A fault below a schema's root. */
export interface SchemaFault {
  pointer: string;
  message: string;
}

/** What the references of a schema become, which stands in a document of its own when it is written. */
export interface Targets {
  /** Of the schema itself: `#`. */
  own: string;
  /** Of a definition of its own: `#/$defs/Name`. */
  definition: (name: string) => string | undefined;
  /** Of a schema of its file: `#/schemas/Name`. */
  shared: (name: string) => string | undefined;
}

/** Members that hold values, in which nothing is a reference. */
const VALUES: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples', 'example']);

/** Keywords by which a schema is a document of its own, which it is no more beside others in the contract. */
const OF_DOCUMENTS: ReadonlySet<string> = new Set([
  ...['$id', '$anchor', '$dynamicRef', '$dynamicAnchor', '$vocabulary'],
]);

/** The same schema with other references, and without `$schema`; faults are added to `faults`. */
export function withReferences(schema: unknown, targets: Targets, faults: SchemaFault[]): unknown {
  const copy = (node: unknown, pointer: string): unknown => {
    if (typeof node !== 'object' || node === null) {
      return node;
    }
    if (Array.isArray(node)) {
      return node.map((item, index) => copy(item, `${pointer}/${index}`));
    }
    return Object.fromEntries(
      Object.entries(node).flatMap(([key, value]: [string, unknown]) => {
        const at = `${pointer}${pointerPart(key)}`;
        if (OF_DOCUMENTS.has(key)) {
          faults.push({ pointer: at, message: "can't be used here: use $defs and $ref" });
        }
        if (key === '$schema') {
          return [];
        }
        if (key === '$ref' && typeof value === 'string') {
          const target = targetOf(value, targets);
          if (target === undefined) {
            faults.push({ pointer: at, message: NO_TARGET });
          }
          return [[key, target ?? value]];
        }
        return [[key, VALUES.has(key) ? value : copy(value, at)]];
      }),
    );
  };
  return copy(schema, '');
}

const NO_TARGET =
  'refers to nothing that is there: #/$defs/Name is a definition of the same schema, and #/schemas/Name one of the same file';

function targetOf(reference: string, { own, definition, shared }: Targets): string | undefined {
  const match = /^#(?:\/(\$defs|schemas)\/([^/]+))?(\/.*)?$/.exec(reference);
  if (match === null) {
    return undefined;
  }
  const [, section, part = '', rest = ''] = match;
  const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
  const target =
    section === undefined ? own : section === 'schemas' ? shared(name) : definition(name);
  return target && `#/components/schemas/${target}${rest}`;
}
