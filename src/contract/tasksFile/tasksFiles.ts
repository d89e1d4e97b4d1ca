import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ValidateFunction } from 'ajv';
import { pointerPart } from '../../json/jsonPointer.js';
import type { OpenApiDocument } from '../document.js';
import type { components } from '../openapi.js';
import { createAjv } from '../schemas.js';
import { faultOf } from '../validation.js';
import { readWritten } from '../written.js';
import { faultyFiles, type FileFault, type TextFile } from './faults.js';
import { STRUCTURE } from './structure.js';

/** A tasks file, whose structure is as `structure.ts` says. */
export interface TasksFile extends TextFile {
  tasks: Readonly<Record<string, DescribedTask | null>>;
  /** Schemas that those of the tasks refer to, as `#/schemas/Name`. */
  schemas?: Readonly<Record<string, object | boolean>>;
  /** Whether the build has found it good. */
  isChecked: boolean;
}

/** What a fleet's owner says of one task type. */
export interface DescribedTask {
  summary?: string;
  params?: object | boolean;
  result?: object | boolean;
  progress?: object | boolean;
  params_as?: 'argument' | 'kwargs';
  queue?: string;
  options?: OptionDefaults;
}

/** Options of tasks that bring none of their own. */
type OptionDefaults = Pick<
  components['schemas']['TaskOptions'],
  'priority' | 'countdown' | 'expires' | 'time_limit' | 'soft_time_limit'
>;

/** What the build has read in the file that comes with the service. */
const BUILT_TASKS = 'tasks.json';

/**
 * Reads tasks files, in YAML or JSON.
 *
 * @param paths of files, and of folders whose `.yaml`, `.yml` and `.json` files are meant
 * @param document the contract whose names and options they use
 * @throws an Error that names every fault by file and line
 */
export async function readTasksFiles(
  paths: readonly string[],
  document: OpenApiDocument,
): Promise<readonly TasksFile[]> {
  const faults: FileFault[] = [];
  const files: TasksFile[] = [];
  let fits: ValidateFunction | undefined;
  for (const path of paths.flatMap(filesAt)) {
    const { text, value, fault, isChecked } = await readWritten(readText(path), BUILT_TASKS);
    const file = { path, text };
    if (fault !== undefined) {
      faults.push({ file, pointer: '', message: `is not YAML: ${fault}` });
      continue;
    }
    if (!isChecked) {
      fits ??= createAjv(document, { allErrors: true, strict: false }).compile(STRUCTURE);
      faults.push(...structureFaults(file, value, fits));
    }
    files.push({ ...(value as Pick<TasksFile, 'tasks' | 'schemas'>), ...file, isChecked });
  }
  if (faults.length === 0) {
    faults.push(...repetitions(files));
  }
  if (faults.length > 0) {
    throw await faultyFiles(faults);
  }
  return files;
}

function filesAt(path: string): string[] {
  try {
    return statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((name) => /\.(ya?ml|json)$/.test(name))
          .sort()
          .map((name) => join(path, name))
      : [path];
  } catch (error) {
    throw unreadable(path, error);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): Error {
  const { code = 'no file' } = error as NodeJS.ErrnoException;
  return new Error(`TASKS_FILE names ${path}, which can't be read: ${code}`, { cause: error });
}

function structureFaults(file: TextFile, value: unknown, fits: ValidateFunction): FileFault[] {
  if (fits(value)) {
    return [];
  }
  const byPointer = new Map<string, string>();
  for (const { pointer, message } of (fits.errors ?? []).flatMap(faultOf)) {
    // A meta-schema tells the same fault in several words, the plainest first.
    if (!byPointer.has(pointer)) {
      byPointer.set(pointer, message);
    }
  }
  return Array.from(byPointer, ([pointer, message]) => ({ file, pointer, message }));
}

function repetitions(files: readonly TasksFile[]): FileFault[] {
  const places = new Map<string, TasksFile>();
  const faults: FileFault[] = [];
  for (const file of files) {
    for (const taskType of Object.keys(file.tasks)) {
      const other = places.get(taskType);
      if (other !== undefined) {
        const pointer = `/tasks${pointerPart(taskType)}`;
        faults.push({ file, pointer, message: `is described in ${other.path} already` });
      }
      places.set(taskType, file);
    }
  }
  return faults;
}
