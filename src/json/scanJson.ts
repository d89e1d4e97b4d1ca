import {
  BACKSLASH,
  CLOSING_BRACE,
  CLOSING_BRACKET,
  COLON,
  COMMA,
  isDigit,
  isPartOfNumber,
  isSpace,
  MINUS,
  NINE,
  OPENING_BRACE,
  OPENING_BRACKET,
  POINT,
  QUOTE,
  ZERO,
} from './characters.js';

/** The members and the structure of a JSON text. */
export interface JsonScan {
  /** Returns the text of a member; the last one's if its name is repeated. */
  member: (name: string) => string | undefined;
  /** The text of each member, by its name. */
  members: () => ReadonlyMap<string, string>;
  /** Whether JSON.parse keeps all that Python's json module keeps: every number, and the order of keys. */
  isPlain: boolean;
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
 * Visits each token of a JSON text once, and makes no values. JSON.parse or `parseExact` must have accepted the text. A
 * text that is no object has no members.
 *
 * @param bytes the text in UTF-8, where it is at hand: to look at a byte takes half as long as at a character
 */
export function scanJson(text: string, bytes: Buffer = Buffer.from(text)): JsonScan {
  const places: Place[] = [];
  let isPlain = true;
  let depth = 0;
  let deepest = 0;
  let keys = 0;
  let outermost = 0;
  let place: Place | undefined;
  let position = 0;

  while (position < bytes.length) {
    const code = bytes[position] ?? 0;
    if (code === QUOTE) {
      const end = endOfString(bytes, position);
      if (depth === 1 && outermost === OPENING_BRACE && place === undefined) {
        place = { nameStart: position, nameEnd: end, start: end, end };
      }
      isPlain &&= !mayBeIntegerKey(bytes, position, end);
      position = end;
      continue;
    }
    if (code === MINUS || isDigit(code)) {
      const end = endOfNumber(bytes, position);
      isPlain &&= isPlainNumber(bytes, position, end);
      position = end;
      continue;
    }
    if (code === OPENING_BRACE || code === OPENING_BRACKET) {
      outermost ||= code;
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (code === CLOSING_BRACE || code === CLOSING_BRACKET) {
      depth -= 1;
    }
    if (code === COLON) {
      keys += 1;
    }
    if (place !== undefined) {
      if (depth === 1 && code === COLON) {
        place.start = position + 1;
      } else if ((depth === 1 && code === COMMA) || depth === 0) {
        place.end = position;
        places.push(place);
        place = undefined;
      }
    }
    position += 1;
  }

  // Each character beyond ASCII has more bytes than code units. Bytes of a socket are a part of 64 kB that it read:
  // they are let go of where they are not needed.
  const needed = text.length === bytes.length ? undefined : bytes;
  const textBetween = (start: number, end: number): string =>
    needed?.toString('utf8', start, end) ?? text.slice(start, end);
  const nameAt = ({ nameStart, nameEnd }: Place): string =>
    JSON.parse(textBetween(nameStart, nameEnd)) as string;
  /** Reads a name only where its length leaves it open: one in escapes is longer than what it says. */
  const hasName = (one: Place, name: string): boolean =>
    one.nameEnd - one.nameStart >= name.length + 2 && nameAt(one) === name;
  return {
    isPlain,
    depth: deepest,
    keys,
    // Most callers want one or two members; making a map of all takes longer than the scan.
    member(name) {
      const found = places.findLast((one) => hasName(one, name));
      return found && textBetween(found.start, found.end);
    },
    members: () => new Map(places.map((one) => [nameAt(one), textBetween(one.start, one.end)])),
  };
}

/** The position after the string that begins at `start`. Most are names or words, shorter than a call of `indexOf`. */
function endOfString(bytes: Buffer, start: number): number {
  let position = start + 1;
  for (; position < start + LONG_STRING; position += 1) {
    const code = bytes[position];
    if (code === QUOTE) {
      return position + 1;
    }
    if (code === BACKSLASH) {
      position += 1;
    }
  }
  let end = bytes.indexOf(QUOTE, position);
  while (end >= 0) {
    let backslashes = 0;
    while (bytes[end - 1 - backslashes] === BACKSLASH) {
      backslashes += 1;
    }
    // An odd number of backslashes escapes the quote.
    if (backslashes % 2 === 0) {
      return end + 1;
    }
    end = bytes.indexOf(QUOTE, end + 1);
  }
  return bytes.length;
}

const LONG_STRING = 32;

function endOfNumber(bytes: Buffer, start: number): number {
  let end = start + 1;
  while (isPartOfNumber(bytes[end] ?? 0)) {
    end += 1;
  }
  return end;
}

/** JSON.parse moves keys that look like integers to the front. A key may hide its digits behind escapes. */
function mayBeIntegerKey(bytes: Buffer, start: number, end: number): boolean {
  const first = bytes[start + 1] ?? 0;
  if (!isDigit(first) && first !== BACKSLASH) {
    return false;
  }
  let next = end;
  while (isSpace(bytes[next] ?? 0)) {
    next += 1;
  }
  return bytes[next] === COLON;
}

/**
 * Whether JSON.parse keeps a number: every digit of an integer, and that a fraction is none. With up to fifteen digits,
 * each of two different numbers has a double of its own (C's DBL_DIG). Few numbers are made for it: a list of thousands,
 * such as an embedding, would take longer than all else.
 */
function isPlainNumber(bytes: Buffer, start: number, end: number): boolean {
  const afterInteger = endOfDigits(bytes, start + 1, end);
  if (afterInteger === end) {
    return end - start <= DOUBLE_DIGITS || isExact(bytes.toString('latin1', start, end));
  }
  const certain = Math.min(end, start + DOUBLE_DIGITS);
  let hasZerosAlone = true;
  let hasNinesAlone = certain < end;
  for (let position = afterInteger + 1; position < certain; position += 1) {
    const code = bytes[position];
    hasZerosAlone &&= code === ZERO;
    hasNinesAlone &&= code === NINE;
  }
  const isDecimal =
    bytes[afterInteger] === POINT && endOfDigits(bytes, afterInteger + 1, end) === end;
  if (isDecimal && !hasZerosAlone && !hasNinesAlone) {
    return true;
  }
  const number = Number(bytes.toString('latin1', start, end));
  return Number.isFinite(number) && !Number.isInteger(number);
}

function isExact(integer: string): boolean {
  return String(Number(integer)) === integer;
}

function endOfDigits(bytes: Buffer, start: number, end: number): number {
  let position = start;
  while (position < end && isDigit(bytes[position] ?? 0)) {
    position += 1;
  }
  return position;
}

const DOUBLE_DIGITS = 15;

/** Returns the bytes of each item of a JSON list, which must not be empty. JSON.parse must have accepted it. */
export function itemsIn(bytes: Buffer): readonly Buffer[] {
  const items: Buffer[] = [];
  let start = bytes.indexOf('[') + 1;
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
    if ((depth === 1 && code === COMMA) || depth === 0) {
      items.push(bytes.subarray(start, position));
      start = position + 1;
    }
  }
  return items;
}
