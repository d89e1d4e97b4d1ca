import {
  CLOSING_BRACE,
  COLON,
  COMMA,
  isDigit,
  MINUS,
  OPENING_BRACE,
  OPENING_BRACKET,
  QUOTE,
  BACKSLASH,
} from './characters.js';
import {
  afterSpace,
  BROKEN,
  endOfDecimal,
  endOfExponent,
  endOfString,
  endOfWord,
} from './tokens.js';

/** Where a member of an object or an item of a list stands among the bytes. */
interface Place {
  /** Of its name, with the quotes; empty for an item. */
  nameStart: number;
  nameEnd: number;
  /** Of its value. */
  start: number;
  end: number;
}

/** What is known of a text's structure when it has been scanned. */
interface Structure {
  /** Whether some number may be one that Python can't hold: `parseExact` says which. */
  hasDoubtfulNumber: boolean;
  /** Levels of nested objects and lists: 0 for a scalar, 1 for `{"a": 1}`. */
  depth: number;
  /** The number of members of all objects, repeated ones included. */
  keys: number;
}

/**
 * Holds bytes, which must be UTF-8, against JSON's grammar (RFC 8259) and notes where the members of the outermost object
 * or the items of the outermost list stand. Each byte is looked at once and no value is made: that takes half of
 * JSON.parse's time where there are many values, and leaves no garbage.
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
    const nameStart = position;
    let nameEnd = position;
    if (needsKey) {
      nameEnd = bytes[position] === QUOTE ? endOfString(bytes, position) : BROKEN;
      position = afterSpace(bytes, nameEnd);
      if (nameEnd === BROKEN || bytes[position] !== COLON) {
        return fail(bytes);
      }
      position = afterSpace(bytes, position + 1);
      keys += 1;
    }
    if (closings.length === 1) {
      place = { nameStart, nameEnd, start: position, end: position };
    }
    const code = bytes[position] ?? 0;
    if (code === OPENING_BRACE || code === OPENING_BRACKET) {
      closing = code + TO_CLOSING;
      closings.push(closing);
      if (closings.length > depth) {
        depth = closings.length;
      }
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
      if (closing === 0) {
        return position === bytes.length
          ? new JsonScan(bytes, places, { hasDoubtfulNumber, depth, keys })
          : fail(bytes);
      }
      const next = bytes[position];
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

/** A text that follows the grammar: its structure, and the bytes of its members or items. */
export class JsonScan implements Structure {
  readonly hasDoubtfulNumber: boolean;
  readonly depth: number;
  readonly keys: number;
  readonly #bytes: Buffer;
  readonly #places: readonly Place[];

  constructor(bytes: Buffer, places: readonly Place[], structure: Structure) {
    this.hasDoubtfulNumber = structure.hasDoubtfulNumber;
    this.depth = structure.depth;
    this.keys = structure.keys;
    this.#bytes = bytes;
    this.#places = places;
  }

  /**
   * Returns a member's value; the last one's if its name is repeated. Undefined where the text is no object.
   *
   * @param name in ASCII
   */
  member(name: string): Buffer | undefined {
    // Most callers want one or two members; making a map of all takes longer than the scan.
    const found = this.#places.findLast((place) => this.#hasName(place, name));
    return found && this.#valueAt(found);
  }

  /** Returns each member's value, if the text is an object; an empty map otherwise. */
  members(): ReadonlyMap<string, Buffer> {
    const members = this.#isList ? [] : this.#places;
    return new Map(members.map((place) => [this.#nameAt(place), this.#valueAt(place)]));
  }

  /** Returns each item, if the text is a list. */
  items(): readonly Buffer[] | undefined {
    return this.#isList ? this.#places.map((place) => this.#valueAt(place)) : undefined;
  }

  get #isList(): boolean {
    return this.#bytes[afterSpace(this.#bytes, 0)] === OPENING_BRACKET;
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

  #valueAt({ start, end }: Place): Buffer {
    return this.#bytes.subarray(start, end);
  }
}

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
