import { pointerKeys, pointerPart } from '../../json/jsonPointer.js';
import { partBelow, type Part } from '../schemaParts.js';

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

/** Keywords by which a schema is a document of its own, which it is no more beside others in the contract. */
const OF_DOCUMENTS: ReadonlySet<string> = new Set([
  ...['$id', '$anchor', '$dynamicRef', '$dynamicAnchor', '$vocabulary'],
]);

/** The same schema with other references, and without `$schema`; faults are added to `faults`. */
export function withReferences(schema: unknown, targets: Targets, faults: SchemaFault[]): unknown {
  const copy = (node: unknown, pointer: string, part: Part): unknown => {
    if (typeof node !== 'object' || node === null || part === 'value') {
      return node;
    }
    if (Array.isArray(node)) {
      return node.map((item, index) => copy(item, `${pointer}/${index}`, part));
    }
    return Object.fromEntries(
      Object.entries(node).flatMap(([key, value]: [string, unknown]) => {
        const at = `${pointer}${pointerPart(key)}`;
        if (part === 'keywords' && key === '$schema') {
          return [];
        }
        if (part === 'keywords' && OF_DOCUMENTS.has(key)) {
          faults.push({ pointer: at, message: "can't be used here: use $defs and $ref" });
        }
        if (part === 'keywords' && key === '$ref' && typeof value === 'string') {
          const target = targetOf(value, targets);
          if (target === undefined) {
            faults.push({ pointer: at, message: NO_TARGET });
          }
          return [[key, target ?? value]];
        }
        // Its mapping names schemas of the document that the schema was written for.
        if (part === 'keywords' && key === 'discriminator') {
          return [[key, { propertyName: (value as { propertyName?: unknown }).propertyName }]];
        }
        return [[key, copy(value, at, partBelow(part, key))]];
      }),
    );
  };
  return copy(schema, '', 'keywords');
}

const NO_TARGET =
  'refers to nothing that is there: #/$defs/Name is a definition of the same schema, and #/schemas/Name one of the same file';

function targetOf(reference: string, { own, definition, shared }: Targets): string | undefined {
  const match = /^#(?:\/(\$defs|schemas)\/([^/]+))?(\/.*)?$/.exec(reference);
  if (match === null) {
    return undefined;
  }
  const [, section, part = '', rest = ''] = match;
  const [name = ''] = pointerKeys(`/${decoded(part)}`);
  const target =
    section === undefined ? own : section === 'schemas' ? shared(name) : definition(name);
  return target && `#/components/schemas/${target}${rest}`;
}

/** A part of a reference, which is a URI; one that is not percent-encoded stands for itself. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
