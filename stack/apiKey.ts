import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { readEnvironmentFile } from '../src/config/environmentFile.js';
import { QuickstartError } from './failure.js';

export interface StoryKey {
  /** Of the environment of the service, beside what it has. */
  variables: NodeJS.ProcessEnv;
  /** Of requests to it. */
  headers: Record<string, string>;
}

/**
 * A key for the requests of the quickstart itself, beside those of API_KEYS and API_KEYS_FILE, in the environment
 * or in the project's `.env`. No key where these name none, as the service then asks for none.
 */
export function chooseKey(environment: NodeJS.ProcessEnv, projectFolder: string): StoryKey {
  const variables = { ...readFile(join(projectFolder, '.env')), ...environment };
  const [keys, file] = [variables.API_KEYS?.trim(), variables.API_KEYS_FILE?.trim()];
  if (!keys && !file) return { variables: {}, headers: {} };
  const key = randomBytes(24).toString('hex');
  return {
    variables: { API_KEYS: [...(keys ? [keys] : []), `this-quickstart=${key}`].join(',') },
    headers: { 'x-api-key': key },
  };
}

function readFile(path: string): NodeJS.Dict<string> {
  try {
    return readEnvironmentFile(path);
  } catch (error) {
    throw new QuickstartError(error instanceof Error ? error.message : String(error));
  }
}
