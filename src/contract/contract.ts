import { createBodyOf, type BodyOf } from './bodies.js';
import {
  assertReferencesResolve,
  readDocument,
  type OpenApiDocument,
  type OpenApiOperation,
  type WrittenContract,
} from './document.js';
import type { operations } from './openapi.js';
import { createRoutes, type Routes } from './routes.js';
import { withTasks } from './tasksFile/describedDocument.js';
import { faultyFiles } from './tasksFile/faults.js';
import { schemaFaults } from './tasksFile/schemaFaults.js';
import { readTasksFiles, type DescribedTask, type TasksFile } from './tasksFile/tasksFiles.js';
import { describedTaskTypes } from './taskTypes.js';
import { createValidation, type Validate } from './validation.js';

export type OperationId = keyof operations;

/** The contract, ready to be served and to be held against requests. */
export interface Contract extends Routes, DescribedContract {
  version: string;
  title: string;
  /** Reads the tasks files again. Throws a ContractError, and changes nothing, where they are faulty. */
  reload: () => Promise<void>;
}

/** The parts that depend on tasks files, which change when they are read again. */
interface DescribedContract {
  /** The document as it is served: `servers` and `security` are this installation's. */
  document: OpenApiDocument;
  /** The task types that have a request of their own. */
  taskTypes: readonly string[];
  /** What tasks files say of task types. */
  tasks: ReadonlyMap<string, DescribedTask>;
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
  /** Files and folders that describe task types. */
  tasksFiles?: readonly string[];
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
  return orContractError(async () => {
    const read = await readDocument(file);
    const described = await describeTasks(read, rootPath, installation);
    const { document } = described;
    const contract: Contract = {
      version: document.info.version,
      title: document.info.title,
      ...createRoutes(document),
      ...described,
      async reload() {
        const again = await orContractError(() => describeTasks(read, rootPath, installation));
        Object.assign(contract, again);
      },
    };
    return contract;
  });
}

async function orContractError<Value>(run: () => Promise<Value>): Promise<Value> {
  try {
    return await run();
  } catch (error) {
    throw new ContractError(error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

/** Reads the tasks files, and puts the task types into the contract. */
async function describeTasks(
  read: WrittenContract,
  rootPath: string,
  installation: Installation,
): Promise<DescribedContract> {
  const { limits = {}, takesAnyName = false, tasksFiles = [] } = installation;
  const written = withSettings(read.document, limits, takesAnyName);
  const files = await readTasksFiles(tasksFiles, written);
  const document = ofInstallation(await describe(written, files), rootPath, installation);
  const isChecked = read.isChecked && files.every((one) => one.isChecked);
  if (!isChecked) {
    assertReferencesResolve(document);
  }
  return {
    document,
    taskTypes: describedTaskTypes(document),
    tasks: new Map(files.flatMap(({ tasks }) => describedIn(tasks))),
    bodyOf: createBodyOf(document),
    validate: createValidation(document, isChecked),
  };
}

/** The contract with the task types of these files. Throws an Error that names every fault of them. */
async function describe(
  written: OpenApiDocument,
  files: readonly TasksFile[],
): Promise<OpenApiDocument> {
  const { document, sources, faults } = withTasks(written, files);
  const found = [
    ...faults,
    ...(files.every(({ isChecked }) => isChecked) ? [] : await schemaFaults(document, sources)),
  ];
  if (found.length > 0) {
    throw await faultyFiles(found);
  }
  return document;
}

function describedIn(tasks: TasksFile['tasks']): [string, DescribedTask][] {
  return Object.entries(tasks).map(([taskType, task]) => [taskType, task ?? {}]);
}

function ofInstallation(
  written: OpenApiDocument,
  rootPath: string,
  { asksForKeys = false, openOperations = [] }: Installation,
): OpenApiDocument {
  const document = { ...written, servers: [{ url: rootPath || '/' }] };
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
