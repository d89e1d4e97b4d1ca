import { readFileSync } from 'node:fs';
import { pointerKeys } from '../json/jsonPointer.js';
import { partBelow, type Part } from './schemaParts.js';
import { readWritten } from './written.js';

/** The part of an OpenAPI 3.1 document that this service reads itself. */
export interface OpenApiDocument {
  info: { title: string; version: string };
  servers: { url: string }[];
  paths: Record<string, Record<string, OpenApiOperation>>;
  components: object;
  security?: Record<string, string[]>[];
}

export interface OpenApiOperation {
  operationId: string;
  parameters?: OpenApiParameter[];
  responses?: Record<string, unknown>;
  requestBody?: {
    required?: boolean;
    content: Record<string, { schema: object; examples?: object }>;
  };
  /** Alternatives, each of them schemes by name. */
  security?: Record<string, string[]>[];
  /** What the caller's key has to be good for; one of `SCOPES`. */
  'x-scope'?: string;
  /** Whether it is no part of what the rate limit and the bounds of what is in flight count. */
  'x-unlimited'?: boolean;
  /** Whether probes and scrapes ask for it again and again, so that its requests are logged at debug level. */
  'x-probe'?: boolean;
}

export interface OpenApiParameter {
  name: string;
  in: string;
  required?: boolean;
  schema: object;
}

/** What the build has read in openapi.yaml. */
const BUILT_CONTRACT = 'contract.json';

/** The contract as it is written. */
export interface WrittenContract {
  document: OpenApiDocument;
  /** Whether the build has found it good. */
  isChecked: boolean;
}

/** Reads the contract: what the build has made of it, or the file itself if it has changed since. */
export async function readDocument(file: URL): Promise<WrittenContract> {
  const { value, fault, isChecked } = await readWritten(readFileSync(file, 'utf8'), BUILT_CONTRACT);
  if (fault !== undefined) {
    throw new Error(`The contract is not YAML: ${fault}`);
  }
  return { document: value as OpenApiDocument, isChecked };
}

/** Throws an Error that names a reference to something that the document doesn't hold. */
export function assertReferencesResolve(document: object): void {
  const visit = (node: unknown, part: Part): void => {
    if (typeof node !== 'object' || node === null || part === 'value') {
      return;
    }
    if (part === 'keywords' && '$ref' in node && nodeAt(document, node.$ref) === undefined) {
      throw new Error(`The contract refers to ${String(node.$ref)}, which it does not hold`);
    }
    for (const [key, value] of Object.entries(node)) {
      visit(value, partBelow(part, key));
    }
  };
  visit(document, 'keywords');
}

/** What stands where this reference leads within the document; undefined for nothing. */
export function nodeAt(document: object, reference: unknown): unknown {
  if (typeof reference !== 'string' || !reference.startsWith('#/')) {
    return undefined;
  }
  let node: unknown = document;
  for (const key of pointerKeys(reference)) {
    node = typeof node === 'object' && node !== null ? Reflect.get(node, key) : undefined;
  }
  return node;
}
