import { parseExact, UnsuitableJson } from './exactJson.js';
import { scanJson } from './scanJson.js';

/** A JSON text, as a value and as its sender wrote it. */
export interface JsonDocument {
  /** What JSON.parse makes of it. */
  value: unknown;
  /** A member by its name, where the document is an object that has it. */
  member: (name: string) => JsonPart | undefined;
}

/** A part of a document. */
export interface JsonPart {
  text: string;
  /** What JSON.parse makes of the text, if it loses nothing of the document (`isPlain`); or `parseExact`. */
  value: unknown;
  isPlain: boolean;
}

/**
 * Reads a JSON text that Python's json module must read too.
 *
 * @throws SyntaxError where it is not JSON (RFC 8259)
 * @throws UnsuitableJson where Python could not hold it
 */
export function readJsonDocument(text: string): JsonDocument {
  const value: unknown = JSON.parse(text);
  const { members, isPlain, depth } = scanJson(text);
  if (depth > MAXIMUM_DEPTH) {
    throw new UnsuitableJson('', `is nested more than ${MAXIMUM_DEPTH} levels deep`);
  }
  const source: unknown = isPlain ? value : parseExact(text, { allowsInfinity: false });

  return {
    value,
    member(name) {
      const memberText = members.get(name);
      return memberText === undefined
        ? undefined
        : { text: memberText, value: valueOf(source, name), isPlain };
    },
  };
}

/** Well below where Python's json module gives up, near a thousand levels. */
const MAXIMUM_DEPTH = 256;

function valueOf(source: unknown, name: string): unknown {
  return source instanceof Map
    ? (source as ReadonlyMap<string, unknown>).get(name)
    : (source as Readonly<Record<string, unknown>>)[name];
}
