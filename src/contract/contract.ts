import { readFileSync } from 'node:fs';
import { isMap, isScalar, isSeq, parseDocument, visit, type Document } from 'yaml';
import { assertReferencesResolve, type OpenApiDocument } from './document.js';
import type { operations } from './openapi.js';
import { createRoutes, type PathRoutes } from './routes.js';
import { describedTaskTypes } from './taskTypes.js';
import { createValidation, type Validate } from './validation.js';

export type OperationId = keyof operations;

/** The contract, ready to be served and to be held against requests. */
export interface Contract {
  version: string;
  title: string;
  /** The document as it is served: `servers` and `security` are this installation's. */
  document: OpenApiDocument;
  yaml: string;
  /** The task types whose params it describes. */
  taskTypes: readonly string[];
  operationIds: readonly string[];
  /** The path of the operation, as the contract writes it. */
  pathOf(id: OperationId): string;
  /** Every method that some route has. */
  methods: readonly string[];
  /** By path, in the order in which a request is held against them. */
  paths: readonly PathRoutes[];
  /** Throws invalidRequest. */
  validate: Validate;
}

/**
 * Reads the contract and compiles its routes and validators.
 *
 * @param rootPath where a proxy shows this service: empty, or `/a/b`
 * @param asksForKeys whether this installation has keys, so that no secured operation goes without one
 * @param limits by the names of their variables: a schema's `x-maximum` names the one that is its `maximum` here
 * @param openOperations those that ask for no key in this installation
 * @throws ContractError what is wrong with the document
 */
export function loadContract(
  file: URL,
  rootPath: string,
  asksForKeys = false,
  openOperations: readonly string[] = [],
  limits: Limits = {},
): Contract {
  try {
    return readContract(file, rootPath, { asksForKeys, openOperations, limits });
  } catch (error) {
    throw new ContractError(error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

/** The contract can't be used; the message says where and why. */
export class ContractError extends Error {
  override readonly name = 'ContractError';
}

type Limits = Readonly<Record<string, number>>;

function readContract(
  file: URL,
  rootPath: string,
  {
    asksForKeys,
    openOperations,
    limits,
  }: { asksForKeys: boolean; openOperations: readonly string[]; limits: Limits },
): Contract {
  const source = parseDocument(readFileSync(file, 'utf8'));
  if (source.errors[0] !== undefined) {
    throw new Error(`The contract is not YAML: ${source.errors[0].message}`);
  }
  source.set('servers', [{ url: rootPath === '' ? '/' : rootPath }]);
  if (asksForKeys) {
    withoutOpenAlternatives(source);
  }
  if (openOperations.length > 0) {
    withoutSecurity(source, openOperations);
  }
  setLimits(source, limits);
  const document = source.toJS() as OpenApiDocument;
  assertReferencesResolve(document);
  const routes = createRoutes(document);

  return {
    version: document.info.version,
    title: document.info.title,
    document,
    yaml: source.toString(),
    taskTypes: describedTaskTypes(document),
    ...routes,
    validate: createValidation(document),
  };
}

/** Leaves out `{}`, which lets everybody in, wherever it is an alternative of `security`. */
function withoutOpenAlternatives(source: Document): void {
  visit(source, {
    Pair(_key, { key, value }) {
      if (isScalar(key) && key.value === 'security' && isSeq(value)) {
        value.items = value.items.filter((one) => !isMap(one) || one.items.length > 0);
      }
    },
  });
}

/** Lets everybody use these operations. */
function withoutSecurity(source: Document, operationIds: readonly string[]): void {
  visit(source, {
    Map(_key, node) {
      if (operationIds.includes(String(node.get('operationId')))) {
        node.set('security', source.createNode([]));
      }
    },
  });
}

/** What clients read, and what they are held against, is what this installation allows. */
function setLimits(source: Document, limits: Limits): void {
  visit(source, {
    Map(_key, node) {
      const name = node.get('x-maximum');
      if (typeof name === 'string') {
        node.set('maximum', limits[name] ?? node.get('maximum'));
      }
    },
  });
}
