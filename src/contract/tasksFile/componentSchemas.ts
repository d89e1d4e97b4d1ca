import { pointerPart } from '../../json/jsonPointer.js';
import type { Schema } from '../taskTypes.js';
import type { ComponentNames } from './componentNames.js';
import type { FileFault, TextFile } from './faults.js';
import { withReferences, type SchemaFault } from './references.js';

/** Where a schema of the contract is written. */
export interface Source {
  file: TextFile;
  pointer: string;
}

/** Schemas of tasks files on their way into the contract. */
export interface ComponentSchemas {
  schemas: ReadonlyMap<string, Schema>;
  /** By the same names. */
  sources: ReadonlyMap<string, Source>;
  /** References that lead to nothing. */
  faults: readonly FileFault[];
  /**
   * Adds a schema by this name, and its definitions by names of their own, as generators of clients know schemas of the
   * contract alone.
   *
   * @param shared the names that the schemas of the same file get
   */
  add: (
    name: string,
    schema: object | boolean,
    source: Source,
    shared: ReadonlyMap<string, string>,
  ) => void;
}

export function createComponentSchemas(names: ComponentNames): ComponentSchemas {
  const schemas = new Map<string, Schema>();
  const sources = new Map<string, Source>();
  const faults: FileFault[] = [];

  return {
    ...{ schemas, sources, faults },
    add(name, schema, source, shared) {
      const { $defs = {}, ...rest } = Object(schema) as { $defs?: Record<string, unknown> };
      const definitions = new Map(
        Object.keys($defs).map((key) => [key, names.of(`${name}${key.replace(/\W/g, '')}`)]),
      );
      const targets = {
        own: name,
        definition: (key: string) => definitions.get(key),
        shared: (key: string) => shared.get(key),
      };
      const addOne = (as: string, one: unknown, below: string): void => {
        const found: SchemaFault[] = [];
        const { file } = source;
        const pointer = `${source.pointer}${below}`;
        schemas.set(as, withReferences(one, targets, found) as Schema);
        sources.set(as, { file, pointer });
        for (const { pointer: further, message } of found) {
          faults.push({ file, pointer: `${pointer}${further}`, message });
        }
      };
      addOne(name, typeof schema === 'boolean' ? schema : rest, '');
      for (const [key, definition] of Object.entries($defs)) {
        addOne(definitions.get(key) ?? key, definition, `/$defs${pointerPart(key)}`);
      }
    },
  };
}
