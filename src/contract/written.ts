import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { PACKAGE_FOLDER } from '../packageFolder.js';

/** A text in YAML or JSON, and what it says. */
export interface Written {
  text: string;
  value: unknown;
  /** Why it is no YAML. */
  fault: string | undefined;
  /** Whether the build has read the same text, and found it good. */
  isChecked: boolean;
}

/**
 * Reads YAML: what the build has made of the same text, as to parse YAML would be a third of the start, or the text.
 *
 * @param built the name of the file in `dist/` that the build has written
 */
export async function readWritten(text: string, built: string): Promise<Written> {
  const file = new URL(`dist/${built}`, PACKAGE_FOLDER);
  if (existsSync(file)) {
    const { sha256, value } = JSON.parse(readFileSync(file, 'utf8')) as BuiltFile;
    if (sha256 === createHash('sha256').update(text).digest('hex')) {
      return { text, value, fault: undefined, isChecked: true };
    }
  }
  const { parseDocument } = await import('yaml');
  const source = parseDocument(text, { merge: true });
  try {
    const [error] = source.errors;
    const value: unknown = error === undefined ? source.toJS({ maxAliasCount: -1 }) : undefined;
    // Throws where an alias stands within what it is an alias of: there would be no end to it.
    JSON.stringify(value);
    return { text, value, fault: error?.message, isChecked: false };
  } catch (error) {
    return { text, value: undefined, fault: (error as Error).message, isChecked: false };
  }
}

export interface BuiltFile {
  /** Of the text that it was made of. */
  sha256: string;
  value: unknown;
}
