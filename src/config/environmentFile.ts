import { parseEnv } from 'node:util';
import { ConfigError } from './config.js';
import { decodeText, readNamedFile } from './namedFile.js';

/**
 * The variables of a file such as `.env`; none where there is no such file.
 *
 * @throws ConfigError where it can't be read, or is not text in UTF-8
 */
export function readEnvironmentFile(path: string): NodeJS.Dict<string> {
  try {
    const bytes = readNamedFile(path, (reason) => `The file ${path} can't be read (${reason})`);
    return parseEnv(decodeText(bytes, `The file ${path}`));
  } catch (error) {
    const { message, cause } = error as Error;
    if ((cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
      return {};
    }
    throw new ConfigError([message]);
  }
}
