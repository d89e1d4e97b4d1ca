import {
  BACKSLASH,
  CAPITAL_E,
  CLOSING_BRACE,
  CLOSING_BRACKET,
  COLON,
  COMMA,
  isDigit,
  isSpace,
  MINUS,
  OPENING_BRACE,
  OPENING_BRACKET,
  PLUS,
  POINT,
  QUOTE,
  SMALL_E,
  ZERO,
} from './characters.js';

/** The members and the structure of a JSON text. */
export interface JsonScan {
  /** Those of the outermost object; none where that is a list or a scalar. */
  members: JsonMembers;
  /** Whether some number may be one that Python can't hold: `parseExact` says which. */
  hasDoubtfulNumber: boolean;
  /** Levels of nested objects and lists: 0 for a scalar, 1 for `{"a": 1}`. */
  depth: number;
  /** The number of members of all objects, repeated ones included. */
  keys: number;
}

/** Where a member stands among the bytes: its name with the quotes, and its value. */
interface Place {
  nameStart: number;
  nameEnd: number;
  start: number;
  end: number;
}

/**
 * Holds bytes, which must be UTF-8, against JSON's grammar (RFC 8259) and notes where the members of the outermost object
 * stand. Each byte is looked at once and no value is made: that takes half of JSON.parse's time where there are many
 * values, and leaves no garbage.
 *
 * @throws SyntaxError where JSON.parse throws one
 */
export function scanJson(bytes: Buffer): JsonScan {
  const places: Place[] = [];
  let place: Place | undefined;
  /** The closing brackets of the objects and lists that are open; `closing` is the last of them, 0 for none. */
  const closings: number[] = [];
  let closing = 0;
  let depth = 0;
  let keys = 0;
  let hasDoubtfulNumber = false;
  let needsKey = false;
  let position = afterSpace(bytes, 0);

  for (;;) {
    if (needsKey) {
      const nameStart = position;
      const nameEnd = bytes[position] === QUOTE ? endOfString(bytes, position) : BROKEN;
      position = afterSpace(bytes, nameEnd);
      if (nameEnd === BROKEN || bytes[position] !== COLON) {
        return fail(bytes);
      }
      position = afterSpace(bytes, position + 1);
      keys += 1;
      if (closings.length === 1) {
        place = { nameStart, nameEnd, start: position, end: position };
      }
    }
    const code = bytes[position] ?? 0;
    if (code === OPENING_BRACE || code === OPENING_BRACKET) {
      closing = code + TO_CLOSING;
      closings.push(closing);
      depth = Math.max(depth, closings.length);
      position = afterSpace(bytes, position + 1);
      if (bytes[position] !== closing) {
        needsKey = code === OPENING_BRACE;
        continue;
      }
    } else if (code === QUOTE) {
      position = endOfString(bytes, position);
    } else if (code === MINUS || isDigit(code)) {
      const exponent = endOfDecimal(bytes, position);
      const end = endOfExponent(bytes, exponent);
      hasDoubtfulNumber ||=
        end - position > CERTAIN_LENGTH ||
        (end - exponent > CERTAIN_EXPONENT && bytes[exponent + 1] !== MINUS);
      position = end;
    } else {
      position = endOfWord(bytes, position);
    }
    if (position === BROKEN) {
      return fail(bytes);
    }

    // What follows a value: the ends of the objects and lists that end with it, and then a comma or the end of all.
    for (;;) {
      if (place !== undefined && closings.length === 1) {
        place.end = position;
        places.push(place);
        place = undefined;
      }
      position = afterSpace(bytes, position);
      const next = bytes[position];
      if (closing === 0) {
        return next === undefined
          ? { members: new JsonMembers(bytes, places), hasDoubtfulNumber, depth, keys }
          : fail(bytes);
      }
      position += 1;
      if (next === COMMA) {
        needsKey = closing === CLOSING_BRACE;
        position = afterSpace(bytes, position);
        break;
      }
      if (next !== closing) {
        return fail(bytes);
      }
      closings.pop();
      closing = closings.at(-1) ?? 0;
    }
  }
}

/** The position of what does not follow the grammar. */
const BROKEN = -1;

/** From each opening bracket to its closing one (ASCII). */
const TO_CLOSING = CLOSING_BRACE - OPENING_BRACE;

/** A number of so many characters, so many of them (`e99`) its exponent, is within a double's range (1.8e308). */
const CERTAIN_LENGTH = 200;
const CERTAIN_EXPONENT = 3;

/** JSON.parse says in its own words what is wrong. */
function fail(bytes: Buffer): never {
  JSON.parse(bytes.toString());
  throw new SyntaxError('Unexpected text in JSON');
}

/** The members of an object, by their names. */
export class JsonMembers {
  readonly #bytes: Buffer;
  readonly #places: readonly Place[];

  constructor(bytes: Buffer, places: readonly Place[]) {
    this.#bytes = bytes;
    this.#places = places;
  }

  /**
   * Returns the bytes of a member's value; the last one's if its name is repeated.
   *
   * @param name in ASCII
   */
  get(name: string): Buffer | undefined {
    // Most callers want one or two members; making a map of all takes longer than the scan.
    const found = this.#places.findLast((place) => this.#hasName(place, name));
    return found && this.#bytes.subarray(found.start, found.end);
  }

  /** Returns the bytes of each member's value. */
  toMap(): ReadonlyMap<string, Buffer> {
    return new Map(
      this.#places.map((place) => [
        this.#nameAt(place),
        this.#bytes.subarray(place.start, place.end),
      ]),
    );
  }

  /** Reads a name only where its length leaves it open: one in escapes is longer than what it says. */
  #hasName(place: Place, name: string): boolean {
    const start = place.nameStart + 1;
    const end = place.nameEnd - 1;
    return end - start === name.length
      ? this.#bytes.toString('latin1', start, end) === name
      : end - start > name.length &&
          this.#bytes.subarray(start, end).includes(BACKSLASH) &&
          this.#nameAt(place) === name;
  }

  #nameAt({ nameStart, nameEnd }: Place): string {
    return JSON.parse(this.#bytes.toString('utf8', nameStart, nameEnd)) as string;
  }
}

function afterSpace(bytes: Buffer, start: number): number {
  let position = start;
  while (isSpace(bytes[position] ?? 0)) {
    position += 1;
  }
  return position;
}

/** The position after the string that begins at `start`. */
function endOfString(bytes: Buffer, start: number): number {
  let position = start + 1;
  for (;;) {
    // Four at a time, as prompts and documents are long.
    while (
      ((CONTENT[bytes[position] ?? 0] ?? 0) &
        (CONTENT[bytes[position + 1] ?? 0] ?? 0) &
        (CONTENT[bytes[position + 2] ?? 0] ?? 0) &
        (CONTENT[bytes[position + 3] ?? 0] ?? 0)) ===
      1
    ) {
      position += 4;
    }
    while (CONTENT[bytes[position] ?? 0] === 1) {
      position += 1;
    }
    const code = bytes[position];
    if (code === QUOTE) {
      return position + 1;
    }
    position = code === BACKSLASH ? endOfEscape(bytes, position) : BROKEN;
    if (position === BROKEN) {
      return BROKEN;
    }
  }
}

/** By its code, 1 for a byte that stands for itself in a string: not a control character, a quote or a backslash. */
const CONTENT = Uint8Array.from({ length: 256 }, (_, code) =>
  code < 0x20 || code === QUOTE || code === BACKSLASH ? 0 : 1,
);

const SHORT_ESCAPES: ReadonlySet<number | undefined> = new Set(Buffer.from('"\\/bfnrt'));
const UNICODE_ESCAPE = 0x75;

function endOfEscape(bytes: Buffer, start: number): number {
  const kind = bytes[start + 1];
  if (kind !== UNICODE_ESCAPE) {
    return SHORT_ESCAPES.has(kind) ? start + 2 : BROKEN;
  }
  const end = start + 6;
  for (let position = start + 2; position < end; position += 1) {
    if (HEX_DIGIT[bytes[position] ?? 0] !== 1) {
      return BROKEN;
    }
  }
  return end;
}

/** By its code, 1 for a hexadecimal digit. */
const HEX_DIGIT = Uint8Array.from({ length: 256 }, (_, code) =>
  /[\da-f]/i.test(String.fromCharCode(code)) ? 1 : 0,
);

/** The position after a number's integer and fraction. */
function endOfDecimal(bytes: Buffer, start: number): number {
  const first = bytes[start] === MINUS ? start + 1 : start;
  const end = endOfDigits(bytes, first);
  if (bytes[first] === ZERO && end > first + 1) {
    return BROKEN;
  }
  return bytes[end] === POINT ? endOfDigits(bytes, end + 1) : end;
}

/** The position after an exponent; `start`, which may be BROKEN, where there is none. */
function endOfExponent(bytes: Buffer, start: number): number {
  const code = bytes[start];
  if (code !== SMALL_E && code !== CAPITAL_E) {
    return start;
  }
  const sign = bytes[start + 1];
  return endOfDigits(bytes, start + (sign === PLUS || sign === MINUS ? 2 : 1));
}

/** One digit at least. */
function endOfDigits(bytes: Buffer, start: number): number {
  let end = start;
  while (isDigit(bytes[end] ?? 0)) {
    end += 1;
  }
  return end === start ? BROKEN : end;
}

/** By their first letters. */
const WORDS: ReadonlyMap<number | undefined, Buffer> = new Map(
  ['true', 'false', 'null'].map((word) => [word.charCodeAt(0), Buffer.from(word)]),
);

function endOfWord(bytes: Buffer, start: number): number {
  const word = WORDS.get(bytes[start]) ?? NO_WORD;
  for (let index = 0; index < word.length; index += 1) {
    if (bytes[start + index] !== word[index]) {
      return BROKEN;
    }
  }
  return word.length === 0 ? BROKEN : start + word.length;
}

const NO_WORD = Buffer.alloc(0);

/** Returns the bytes of each item of a text that has passed `scanJson`; undefined where it is no list. */
export function itemsIn(bytes: Buffer): readonly Buffer[] | undefined {
  const opening = afterSpace(bytes, 0);
  if (bytes[opening] !== OPENING_BRACKET) {
    return undefined;
  }
  const items: Buffer[] = [];
  let start = afterSpace(bytes, opening + 1);
  let depth = 1;
  for (let position = start; depth > 0; position += 1) {
    const code = bytes[position];
    if (code === QUOTE) {
      position = endOfString(bytes, position) - 1;
    } else if (code === OPENING_BRACE || code === OPENING_BRACKET) {
      depth += 1;
    } else if (code === CLOSING_BRACE || code === CLOSING_BRACKET) {
      depth -= 1;
    }
    if ((depth === 1 && code === COMMA) || (depth === 0 && position > start)) {
      items.push(bytes.subarray(start, position));
      start = position + 1;
    }
  }
  return items;
}
