import { remembered } from './remembered.js';

/** Bytes that are worth a write of their own, rather than to become a text that becomes bytes again. */
export const LARGE_BYTES = 8 * 1024;

/** A part of an answer or of a message that is JSON already, as text or in UTF-8, and is sent unchanged. */
export class JsonText {
  /** A property like others, so that two can be compared. */
  readonly source: string | Buffer;

  constructor(source: string | Buffer) {
    this.source = source;
  }

  /** Bytes that are large stay bytes: as a text, a large part would be written twice on its way through. */
  static of(bytes: Buffer): JsonText {
    return new JsonText(bytes.length < LARGE_BYTES ? bytes.toString() : bytes);
  }

  get text(): string {
    return typeof this.source === 'string' ? this.source : this.source.toString();
  }

  /** In UTF-8. */
  get bytes(): Buffer {
    return typeof this.source === 'string' ? Buffer.from(this.source) : this.source;
  }

  get byteLength(): number {
    return Buffer.byteLength(this.source);
  }
}

/** JSON.stringify for texts that recur, such as names of queues. */
export const quoted = remembered((text) => JSON.stringify(text));

/**
 * Writes JSON. JsonText may stand for a member of the value, and for a member of an object in a list that is a member.
 * Undefined members are left out.
 */
export function writeJson(value: object): string {
  return inPieces(value, Infinity).join('');
}

/** The same in pieces: a large member that has been bytes is a piece as it is. */
export function writeJsonPieces(value: object): readonly (string | Buffer)[] {
  return inPieces(value, LARGE_BYTES);
}

function inPieces(value: object, large: number): (string | Buffer)[] {
  if (Array.isArray(value)) {
    return [memberText(value)];
  }
  if (!Object.values(value).some(mayHoldJsonText)) {
    return [JSON.stringify(value)];
  }
  const pieces: (string | Buffer)[] = [];
  let text = '';
  let separator = '{';
  for (const [key, member] of Object.entries(value) as [string, unknown][]) {
    if (member === undefined) {
      continue;
    }
    text += `${separator}${quoted(key)}:`;
    separator = ',';
    const source = member instanceof JsonText ? member.source : '';
    if (typeof source !== 'string' && source.length >= large) {
      pieces.push(text, source);
      text = '';
    } else {
      text += memberText(member);
    }
  }
  pieces.push(`${text}}`);
  return pieces;
}

function mayHoldJsonText(member: unknown): boolean {
  return member instanceof JsonText || Array.isArray(member);
}

function memberText(member: unknown): string {
  if (member instanceof JsonText) {
    return member.text;
  }
  return Array.isArray(member) ? `[${member.map(itemText).join(',')}]` : JSON.stringify(member);
}

function itemText(item: unknown): string {
  return typeof item === 'object' && item !== null && !(item instanceof JsonText)
    ? writeJson(item)
    : memberText(item ?? null);
}
