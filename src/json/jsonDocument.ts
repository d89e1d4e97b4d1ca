import { parseExact, UnsuitableJson } from './exactJson.js';
import { itemsIn, scanJson, type JsonScan } from './scanJson.js';

/** A JSON document, as a value and as the text that was sent. */
export interface JsonDocument {
  text: string;
  /** The result of JSON.parse. */
  value: unknown;
  /** Returns the member of this name, if the document is an object that has one. */
  member: (name: string) => JsonPart | undefined;
}

/** A part of a document. */
export interface JsonPart {
  text: string;
  /** The result of JSON.parse if `isPlain`, else that of `parseExact`. */
  value: unknown;
  /** Whether JSON.parse loses nothing of the whole document. */
  isPlain: boolean;
}

/** Bounds of a document's structure; its length is bounded elsewhere. */
export interface JsonLimits {
  /** Levels of objects and lists. */
  depth: number;
  /** Members of all objects together. */
  keys: number;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a JSON text that Python's json module must be able to read too.
 *
 * @throws SyntaxError if it is not JSON (RFC 8259)
 * @throws UnsuitableJson if it is not UTF-8, Python could not hold it, or it is beyond the limits
 */
export function readJsonDocument(bytes: Buffer, limits: JsonLimits): JsonDocument {
  const text = decode(bytes);
  const value: unknown = JSON.parse(text);
  const scan = scanJson(text, bytes);
  const { depth, keys } = scan;
  if (depth > limits.depth) {
    throw new UnsuitableJson('', `is nested more than ${limits.depth} levels deep`);
  }
  if (keys > limits.keys) {
    throw new UnsuitableJson('', `has more than ${limits.keys} keys in its objects`);
  }
  return documentOf(text, value, scan);
}

/** Returns each item of a list as a document. The document must be a list. */
export function itemsOf(list: JsonDocument): readonly JsonDocument[] {
  const values = list.value as readonly unknown[];
  const items = values.length === 0 ? [] : itemsIn(Buffer.from(list.text));
  return items.map((bytes, index) => {
    const text = bytes.toString();
    return documentOf(text, values[index], scanJson(text, bytes));
  });
}

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new UnsuitableJson('', 'is not UTF-8');
  }
}

function documentOf(text: string, value: unknown, { member, isPlain }: JsonScan): JsonDocument {
  const source: unknown = isPlain ? value : parseExact(text, { allowsInfinity: false });
  return {
    value,
    text,
    member(name) {
      const memberText = member(name);
      return memberText === undefined
        ? undefined
        : { text: memberText, value: memberValue(source, name), isPlain };
    },
  };
}

function memberValue(source: unknown, name: string): unknown {
  return source instanceof Map
    ? (source as ReadonlyMap<string, unknown>).get(name)
    : (source as Readonly<Record<string, unknown>>)[name];
}
