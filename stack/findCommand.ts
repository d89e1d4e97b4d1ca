import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** The path of the program `name` in the folders of PATH, or undefined. */
export async function findCommand(
  name: string,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  for (const folder of (environment.PATH ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return undefined;
}
