import { setImmediate as immediate } from 'node:timers/promises';
import type { OpenApiDocument } from '../document.js';
import { createAjv, sensitiveBelowContains } from '../schemas.js';
import { schemasOf } from '../taskTypes.js';
import type { Source } from './componentSchemas.js';
import type { FileFault } from './faults.js';

/** What ajv can't use among the schemas that tasks files have brought into the contract. */
export async function schemaFaults(
  document: OpenApiDocument,
  sources: ReadonlyMap<string, Source>,
): Promise<readonly FileFault[]> {
  const schemas = schemasOf(document);
  const ajv = createAjv(document, {});
  const faultsOf = (name: string, source: Source): FileFault[] => {
    const overlooked = sensitiveBelowContains(schemas[name], document);
    if (overlooked !== undefined) {
      const message = 'is x-sensitive below contains, where it may be overlooked: use items';
      return [{ ...source, pointer: `${source.pointer}${overlooked}`, message }];
    }
    try {
      // What refers to itself without end shows when it is held against something.
      ajv.compile({ $ref: `openapi.yaml#/components/schemas/${name}` }).call([], {});
      return [];
    } catch (error) {
      const reason =
        error instanceof RangeError
          ? 'it refers to itself without end'
          : (error as Error).message.replace('strict mode: ', '');
      return [{ ...source, message: `can't be used as a schema: ${reason}` }];
    }
  };
  const faults: FileFault[] = [];
  for (const [name, source] of sources) {
    faults.push(...faultsOf(name, source));
    // A service that reads its files again goes on answering.
    await immediate();
  }
  return faults;
}
