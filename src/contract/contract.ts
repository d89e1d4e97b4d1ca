import { readFileSync } from 'node:fs';
import { isMap, isScalar, isSeq, parseDocument, visit, type Document } from 'yaml';
import { assertReferencesResolve, type OpenApiDocument } from './document.js';
import type { operations } from './openapi.js';
import { createRoutes, type Routes } from './routes.js';
import { describedTaskTypes } from './taskTypes.js';
import { createValidation, type Validate } from './validation.js';

export type OperationId = keyof operations;

/** The contract, ready to be served and to be held against requests. */
export interface Contract extends Routes {
  version: string;
  title: string;
  /** The document as it is served: `servers` and `security` are this installation's. */
  document: OpenApiDocument;
  yaml: string;
  /** The task types whose params it describes. */
  taskTypes: readonly string[];
  /** Throws invalidRequest. */
  validate: Validate;
}

/** Settings of this installation that change the contract. */
interface Installation {
  /** Whether it has keys, so that no secured operation goes without one. */
  asksForKeys?: boolean;
  /** Operations that ask for no key. */
  openOperations?: readonly OperationId[];
  /** By the names of their variables: `x-maximum: RESULT_WAIT_MAX` becomes `maximum: limits.RESULT_WAIT_MAX`. */
  limits?: Readonly<Record<string, number>>;
}

/** The contract can't be used; the message says where and why. */
export class ContractError extends Error {
  override readonly name = 'ContractError';
}

/**
 * Reads the contract and compiles its routes and validators.
 *
 * @param rootPath where a proxy shows this service: empty, or `/a/b`
 * @throws ContractError what is wrong with the document
 */
export function loadContract(
  file: URL,
  rootPath: string,
  installation: Installation = {},
): Contract {
  try {
    return readContract(file, rootPath, installation);
  } catch (error) {
    throw new ContractError(error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

function readContract(
  file: URL,
  rootPath: string,
  { asksForKeys = false, openOperations = [], limits = {} }: Installation,
): Contract {
  const source = parseDocument(readFileSync(file, 'utf8'));
  if (source.errors[0] !== undefined) {
    throw new Error(`The contract is not YAML: ${source.errors[0].message}`);
  }
  source.set('servers', [{ url: rootPath === '' ? '/' : rootPath }]);
  if (asksForKeys) {
    withoutOpenAlternatives(source);
  }
  withoutSecurity(source, openOperations);
  setLimits(source, limits);
  const document = source.toJS() as OpenApiDocument;
  assertReferencesResolve(document);
  return {
    version: document.info.version,
    title: document.info.title,
    document,
    yaml: source.toString(),
    taskTypes: describedTaskTypes(document),
    ...createRoutes(document),
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

/** Puts this installation's limits into the contract that clients read and are held against. */
function setLimits(source: Document, limits: Readonly<Record<string, number>>): void {
  visit(source, {
    Map(_key, node) {
      const name = node.get('x-maximum');
      if (typeof name === 'string') {
        node.set('maximum', limits[name] ?? node.get('maximum'));
      }
    },
  });
}
