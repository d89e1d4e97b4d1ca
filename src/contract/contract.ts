import { createBodyOf, type BodyOf } from './bodies.js';
import {
  assertReferencesResolve,
  readDocument,
  type OpenApiDocument,
  type OpenApiOperation,
} from './document.js';
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
  /** The task types whose params it describes. */
  taskTypes: readonly string[];
  bodyOf: BodyOf;
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
  /** Whether every name of a Celery task is a task type, so that a schema's `x-any-name` holds. */
  takesAnyName?: boolean;
}

/** The contract can't be used; the message says where and why. */
export class ContractError extends Error {
  override readonly name = 'ContractError';
}

/**
 * Reads the contract and makes its routes and validators.
 *
 * @param rootPath where a proxy shows this service: empty, or `/a/b`
 * @throws ContractError what is wrong with the document
 */
export async function loadContract(
  file: URL,
  rootPath: string,
  installation: Installation = {},
): Promise<Contract> {
  try {
    const { document: written, isChecked } = await readDocument(file);
    const document = ofInstallation(written, rootPath, installation);
    if (!isChecked) {
      assertReferencesResolve(document);
    }
    return {
      version: document.info.version,
      title: document.info.title,
      document,
      taskTypes: describedTaskTypes(document),
      ...createRoutes(document),
      bodyOf: createBodyOf(document),
      validate: createValidation(document, isChecked),
    };
  } catch (error) {
    throw new ContractError(error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

function ofInstallation(
  written: OpenApiDocument,
  rootPath: string,
  { asksForKeys = false, openOperations = [], limits = {}, takesAnyName = false }: Installation,
): OpenApiDocument {
  const document = {
    ...withSettings(written, limits, takesAnyName),
    servers: [{ url: rootPath || '/' }],
  };
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
  for (const secured of asksForKeys ? [document, ...operations] : []) {
    leaveOutOpenAlternatives(secured);
  }
  const opened: readonly string[] = openOperations;
  for (const operation of operations.filter(({ operationId }) => opened.includes(operationId))) {
    operation.security = [];
  }
  return document;
}

/** `{}` among the alternatives of `security` lets everybody in. */
function leaveOutOpenAlternatives(secured: Pick<OpenApiOperation, 'security'>): void {
  if (secured.security !== undefined) {
    secured.security = secured.security.filter((schemes) => Object.keys(schemes).length > 0);
  }
}

/** Puts this installation's settings into the contract that clients read and are held against. */
function withSettings<Node>(
  node: Node,
  limits: Readonly<Record<string, number>>,
  takesAnyName: boolean,
): Node {
  const copy = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) {
      return value;
    }
    if (Array.isArray(value)) {
      return value.map(copy);
    }
    const members = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, copy(one)]));
    const limit = limits[String(members['x-maximum'])];
    const anyName = takesAnyName ? (members['x-any-name'] as object | undefined) : undefined;
    return { ...members, ...anyName, ...(limit !== undefined && { maximum: limit }) };
  };
  return copy(node) as Node;
}
