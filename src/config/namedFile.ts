import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync, type Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Reads a file that a variable names.
 *
 * @param describe makes the message of the Error that is thrown where it can't be read
 */
export function readNamedFile(path: string, describe: (reason: string) => string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code = 'no file' } = error as NodeJS.ErrnoException;
    const reason = code === 'EACCES' ? `${code}: ${permissionsOf(path)}` : code;
    throw new Error(describe(reason), { cause: error });
  }
}

/**
 * The text of a file in UTF-8, without the byte order mark that editors of Windows begin it with.
 *
 * @param subject begins the message of the Error that is thrown for another encoding, such as UTF-16, in which no
 *   name would be found
 */
export function decodeText(bytes: Buffer, subject: string): string {
  if (!isUtf8(bytes) || bytes.includes(0)) {
    throw new Error(`${subject} is not text in UTF-8`);
  }
  return new TextDecoder().decode(bytes);
}

/** Who may read a file, or search its folder, and who this process is: as numbers, as containers lack names. */
function permissionsOf(path: string): string {
  let named = resolve(path);
  let stats = statsOf(named);
  const subject = stats === undefined ? 'folder' : 'file';
  while (stats === undefined && named !== dirname(named)) {
    named = dirname(named);
    stats = statsOf(named);
  }
  const [uid, gid, mode] = [stats?.uid, stats?.gid, ((stats?.mode ?? 0) & 0o7777).toString(8)];
  const self = [process.geteuid?.(), process.getegid?.()];
  return (
    `the ${subject} ${named} belongs to uid ${String(uid)}, gid ${String(gid)}, with mode ${mode.padStart(4, '0')}; ` +
    `the service runs as uid ${String(self[0])}, gid ${String(self[1])}`
  );
}

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
