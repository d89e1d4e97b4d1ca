import { isUtf8 } from 'node:buffer';
import { OPENING_BRACE, OPENING_BRACKET } from './characters.js';
import { parseExact, UnsuitableJson } from './exactJson.js';
import { JsonText } from './jsonText.js';
import { scanJson, type JsonScan } from './scanJson.js';

/** Bounds of a document's structure; its length is bounded elsewhere. */
export interface JsonLimits {
  /** Levels of objects and lists. */
  depth: number;
  /** Members of all objects together. */
  keys: number;
}

/**
 * A JSON document as it was sent. Values are made of it where somebody asks for them: most of a large one is handed on as
 * it is.
 *
 * It is a class, as getters on a prototype cost nothing for each document.
 */
export class JsonDocument {
  /** In UTF-8. */
  readonly bytes: Buffer;
  readonly #scan: JsonScan;
  #value: { made: unknown } | undefined;
  #items: readonly JsonDocument[] | undefined;

  /** @param scan of these bytes */
  constructor(bytes: Buffer, scan: JsonScan) {
    this.bytes = bytes;
    this.#scan = scan;
  }

  /** The result of JSON.parse. */
  get value(): unknown {
    this.#value ??= { made: JSON.parse(this.bytes.toString()) };
    return this.#value.made;
  }

  /** Returns the member of this name, if the document is an object that has one. */
  member(name: string): JsonText | undefined {
    const bytes = this.#scan.member(name);
    return bytes && new JsonText(bytes);
  }

  /** The value, but with `{}` or `[]` in place of those of these members that are objects or lists. */
  valueWithout(names: readonly string[]): unknown {
    const members = names
      .map((name) => this.#scan.member(name))
      .filter((member) => member !== undefined)
      .filter(([first]) => first === OPENING_BRACE || first === OPENING_BRACKET)
      .sort((one, other) => one.byteOffset - other.byteOffset);
    let text = '';
    let end = 0;
    for (const member of members) {
      const start = member.byteOffset - this.bytes.byteOffset;
      text += this.bytes.toString('utf8', end, start);
      text += member[0] === OPENING_BRACE ? '{}' : '[]';
      end = start + member.length;
    }
    return JSON.parse(text + this.bytes.toString('utf8', end));
  }

  /** Each item as a document; undefined where the document is no list. */
  get items(): readonly JsonDocument[] | undefined {
    this.#items ??= this.#scan.items()?.map((item) => new JsonDocument(item, scanJson(item)));
    return this.#items;
  }
}

/**
 * Reads a JSON text that Python's json module must be able to read too.
 *
 * @throws SyntaxError if it is not JSON (RFC 8259)
 * @throws UnsuitableJson if it is not UTF-8, Python could not hold it, or it is beyond the limits
 */
export function readJsonDocument(bytes: Buffer, limits: JsonLimits): JsonDocument {
  if (!isUtf8(bytes)) {
    throw new UnsuitableJson('', 'is not UTF-8');
  }
  const content = ownContent(bytes);
  const scan = scanJson(content);
  if (scan.depth > limits.depth) {
    throw new UnsuitableJson('', `is nested more than ${limits.depth} levels deep`);
  }
  if (scan.keys > limits.keys) {
    throw new UnsuitableJson('', `has more than ${limits.keys} keys in its objects`);
  }
  if (scan.hasDoubtfulNumber) {
    parseExact(content.toString(), { allowsInfinity: false });
  }
  return new JsonDocument(content, scan);
}

/** U+FEFF in UTF-8: some senders mark UTF-8 by it. */
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * The text without a byte order mark, as TextDecoder reads it. Bytes of a socket are a part of 64 kB that it has read: a
 * few of them are copied, so that those are not kept until the answer.
 */
function ownContent(bytes: Buffer): Buffer {
  const hasMark = bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK);
  const content = hasMark ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes;
  return 2 * content.length < bytes.buffer.byteLength ? Buffer.from(content) : content;
}
