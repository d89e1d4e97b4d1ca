import {
  BACKSLASH,
  CLOSING_BRACE,
  COLON,
  COMMA,
  isDigit,
  isSpace,
  MINUS,
  OPENING_BRACE,
  OPENING_BRACKET,
  QUOTE,
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
  /** Of the latest member or item of the outermost object or list; `end` is that of any value. */
  let [nameStart, nameEnd, start, end] = [0, 0, 0, 0];
  /** The closing brackets of the objects and lists around, from index 1 to `open`; `closing` is the last of them. */
  const closings: number[] = [NO_CLOSING];
  let open = 0;
  let closing = NO_CLOSING;
  let depth = 0;
  let keys = 0;
  let hasDoubtfulNumber = false;
  let next = VALUE;

  for (let position = 0; position < bytes.length;) {
    const code = bytes[position] ?? 0;
    if (isSpace(code)) {
      position += 1;
    } else if (next === NAME) {
      const after = code === QUOTE ? endOfString(bytes, position) : BROKEN;
      if (after === BROKEN) {
        return fail(bytes);
      }
      if (open === 1) {
        nameStart = position;
        nameEnd = after;
      }
      position = after;
      keys += 1;
      next = AFTER_NAME;
    } else if (next === AFTER_NAME) {
      if (code !== COLON) {
        return fail(bytes);
      }
      position += 1;
      next = VALUE;
    } else if (next === VALUE) {
      if (open === 1) {
        start = position;
      }
      next = AFTER_VALUE;
      if (code === QUOTE) {
        position = endOfString(bytes, position);
      } else if (code === OPENING_BRACE || code === OPENING_BRACKET) {
        closing = code + TO_CLOSING;
        open += 1;
        closings[open] = closing;
        if (open > depth) {
          depth = open;
        }
        position = afterSpace(bytes, position + 1);
        if (bytes[position] !== closing) {
          next = code === OPENING_BRACE ? NAME : VALUE;
          continue;
        }
        open -= 1;
        closing = closings[open] ?? NO_CLOSING;
        position += 1;
      } else if (code === MINUS || isDigit(code)) {
        const exponent = endOfDecimal(bytes, position);
        const after = endOfExponent(bytes, exponent);
        hasDoubtfulNumber ||=
          after - position > CERTAIN_LENGTH ||
          (after - exponent > CERTAIN_EXPONENT && bytes[exponent + 1] !== MINUS);
        position = after;
      } else {
        position = endOfWord(bytes, position);
      }
      if (position === BROKEN) {
        return fail(bytes);
      }
      end = position;
    } else {
      if (open === 1) {
        places.push({ nameStart, nameEnd, start, end });
      }
      position += 1;
      if (code === COMMA && open > 0) {
        next = closing === CLOSING_BRACE ? NAME : VALUE;
      } else if (code === closing) {
        open -= 1;
        closing = closings[open] ?? NO_CLOSING;
        end = position;
      } else {
        return fail(bytes);
      }
    }
  }
  return open === 0 && next === AFTER_VALUE
    ? new JsonScan(bytes, places, { hasDoubtfulNumber, depth, keys })
    : fail(bytes);
}

/** No byte's value. */
const NO_CLOSING = -1;

/** What may be next, beside white space. */
const VALUE = 0;
const NAME = 1;
const AFTER_NAME = 2;
const AFTER_VALUE = 3;

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
