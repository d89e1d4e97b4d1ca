import type { OpenApiDocument } from '../document.js';
import { createAjv, sensitiveBelowContains } from '../schemas.js';
import { schemasOf } from '../taskTypes.js';
import type { Source } from './componentSchemas.js';
import type { FileFault } from './faults.js';

/** What ajv can't use among the schemas that tasks files have brought into the contract. */
export function schemaFaults(
  document: OpenApiDocument,
  sources: ReadonlyMap<string, Source>,
): readonly FileFault[] {
  const schemas = schemasOf(document);
  const ajv = createAjv(document, { logger: false });
  return Array.from(sources).flatMap(([name, source]) => {
    const overlooked = sensitiveBelowContains(schemas[name]);
    if (overlooked !== undefined) {
      const message = 'is x-sensitive below contains, where it may be overlooked: use items';
      return [{ ...source, pointer: `${source.pointer}${overlooked}`, message }];
    }
    try {
      ajv.compile({ $ref: `openapi.yaml#/components/schemas/${name}` });
      return [];
    } catch (error) {
      const reason = (error as Error).message.replace('strict mode: ', '');
      return [{ ...source, message: `can't be used as a schema: ${reason}` }];
    }
  });
}
