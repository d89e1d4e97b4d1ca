import { createHash } from 'node:crypto';
import { isScope, SCOPES, type Scope } from '../contract/scopes.js';
import { isMisspelt } from './misspelt.js';
import { decodeText, readNamedFile } from './namedFile.js';

/** A key that callers send, known by its digest alone. */
export interface ApiKey {
  name: string;
  /** SHA-256 of the key. */
  digest: Buffer;
  /** What it is good for. */
  scopes: readonly Scope[];
}

/** Reads `name=key` or `name=key:scope+scope` texts between commas. Throws an Error that quotes no key. */
export function parseApiKeys(text: string): readonly ApiKey[] {
  const entries = text.split(',').map((entry) => entry.trim());
  const keys = entries.flatMap((entry, index) =>
    entry === '' ? [] : [parseApiKey(entry, `entry ${index + 1}`)],
  );
  assertDifferent(keys);
  return keys.map(({ key }) => key);
}

/**
 * Reads a file of one `name=key` or `name=key:scope+scope` a line, with blank lines and comments that begin with `#`.
 * Throws an Error that names the line and quotes no key.
 */
export function readApiKeys(path: string): readonly ApiKey[] {
  // The path is not quoted, as it may be a key that was meant for API_KEYS.
  const bytes = readNamedFile(path, (reason) => `names a file that can't be read (${reason})`);
  const text = decodeText(bytes, 'names a file that');
  const lines = text.split('\n').map((line) => line.trim());
  const keys = lines.flatMap((line, index) =>
    line === '' || line.startsWith('#') ? [] : [parseApiKey(line, `line ${index + 1} of ${path}`)],
  );
  assertDifferent(keys);
  return keys.map(({ key }) => key);
}

/** The fault of keys that come from several places, or undefined. */
export function repetitionIn(keys: readonly ApiKey[]): string | undefined {
  const names = new Set(keys.map(({ name }) => name));
  const digests = new Set(keys.map(({ digest }) => digest.toString('hex')));
  if (names.size < keys.length) {
    return 'has a name twice';
  }
  return digests.size < keys.length ? 'has a key twice' : undefined;
}

interface PlacedKey {
  key: ApiKey;
  place: string;
}

function parseApiKey(text: string, place: string): PlacedKey {
  const end = text.indexOf('=');
  const [name, value] = [text.slice(0, end), text.slice(end + 1)];
  if (end < 0 || !/^[A-Za-z0-9_.-]{1,64}$/.test(name)) {
    // The text in the place of the name may be a key.
    throw new Error(
      `must hold name=key, the name of letters, digits, _ . and -, which ${place} does not`,
    );
  }
  const { key, scopes } = splitScopes(value, place);
  if ([value, key].some((text) => /^(["']).*\1$/.test(text))) {
    throw new Error(`must hold keys without quotes around them, which ${place} does not`);
  }
  if (!/^[\x21-\x2b\x2d-\x7e]{16,255}$/.test(key)) {
    throw new Error(
      `must hold keys of 16 to 255 visible ASCII characters without comma, which ${place} does not`,
    );
  }
  return { key: { name, digest: createHash('sha256').update(key).digest(), scopes }, place };
}

/**
 * A key may hold colons itself: what follows the last one is part of it, unless it is scopes. Scopes with a word that
 * is none would be such a part too, and the key good for everything that its operator wanted to keep from it.
 */
function splitScopes(value: string, place: string): { key: string; scopes: readonly Scope[] } {
  const end = value.lastIndexOf(':');
  const text = value.slice(end + 1);
  if (end < 0 || !/^[A-Za-z+]+$/.test(text)) {
    return { key: value, scopes: SCOPES };
  }
  const words = text.split('+');
  if (words.every(isScope)) {
    return { key: value.slice(0, end), scopes: SCOPES.filter((scope) => words.includes(scope)) };
  }
  if (words.some((word) => isScope(word) || isMisspelt(word, SCOPES))) {
    const known = `${SCOPES.slice(0, -1).join(', ')} and ${SCOPES.at(-1)}`;
    throw new Error(
      `must hold scopes that are ${known}, joined by +, which the text after the last colon of ${place} is not`,
    );
  }
  return { key: value, scopes: SCOPES };
}

function assertDifferent(keys: readonly PlacedKey[]): void {
  keys.forEach(({ key, place }, index) => {
    const fault = repetitionIn([...keys.slice(0, index).map((one) => one.key), key]);
    if (fault !== undefined) {
      throw new Error(`${fault}, the second time in ${place}`);
    }
  });
}
