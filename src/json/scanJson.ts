export const QUOTE = 0x22;
const PLUS = 0x2b;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
const POINT = 0x2e;
export const COLON = 0x3a;
const CAPITAL_E = 0x45;
export const OPENING_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
export const CLOSING_BRACKET = 0x5d;
const SMALL_E = 0x65;
export const OPENING_BRACE = 0x7b;
export const CLOSING_BRACE = 0x7d;

const ZERO = 0x30;
const NINE = 0x39;

export function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

/** White space of JSON (RFC 8259, section 2). */
export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** The position after the JSON string that begins at `start`; the text's end if the string never ends. */
export function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end >= 0) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) {
      backslashes += 1;
    }
    // An odd number of backslashes escapes the quote.
    if (backslashes % 2 === 0) {
      return end + 1;
    }
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

/** The position after the number, well-formed or not, that begins at `start`. */
export function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  while (isPartOfNumber(text.charCodeAt(end))) {
    end += 1;
  }
  return end;
}

function isPartOfNumber(code: number): boolean {
  return (
    isDigit(code) ||
    code === POINT ||
    code === SMALL_E ||
    code === CAPITAL_E ||
    code === PLUS ||
    code === MINUS
  );
}

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

/** Where a member stands in the text: its name with the quotes, and its value. */
interface Place {
  nameStart: number;
  nameEnd: number;
  start: number;
  end: number;
}

/**
 * Visits each token of a JSON text once, and makes no values. JSON.parse or `parseExact` must have accepted the text. A
 * text that is no object has no members.
 */
export function scanJson(text: string): JsonScan {
  const places: Place[] = [];
  let isPlain = true;
  let depth = 0;
  let deepest = 0;
  let keys = 0;
  let outermost = 0;
  let place: Place | undefined;
  let position = 0;

  while (position < text.length) {
    const code = text.charCodeAt(position);
    if (code === QUOTE) {
      const end = endOfString(text, position);
      if (depth === 1 && outermost === OPENING_BRACE && place === undefined) {
        place = { nameStart: position, nameEnd: end, start: end, end };
      }
      isPlain &&= !mayBeIntegerKey(text, position, end);
      position = end;
      continue;
    }
    if (code === MINUS || isDigit(code)) {
      const end = endOfNumber(text, position);
      isPlain &&= isPlainNumber(text, position, end);
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
  return {
    isPlain,
    depth: deepest,
    keys,
    // Most callers want one or two members; making a map of all takes longer than the scan.
    member(name) {
      const found = findPlace(text, places, name);
      return found && textAt(text, found);
    },
    members: () => new Map(places.map((one) => [nameAt(text, one), textAt(text, one)])),
  };
}

function findPlace(text: string, places: readonly Place[], name: string): Place | undefined {
  // A text without escapes has each name as it is.
  const isMeant = text.includes('\\')
    ? (place: Place) => nameAt(text, place) === name
    : ({ nameStart, nameEnd }: Place) =>
        nameEnd - nameStart === name.length + 2 && text.startsWith(name, nameStart + 1);
  return places.findLast(isMeant);
}

function textAt(text: string, { start, end }: Place): string {
  return text.slice(start, end);
}

function nameAt(text: string, { nameStart, nameEnd }: Place): string {
  return JSON.parse(text.slice(nameStart, nameEnd)) as string;
}

/** JSON.parse moves keys that look like integers to the front. A key may hide its digits behind escapes. */
function mayBeIntegerKey(text: string, start: number, end: number): boolean {
  const first = text.charCodeAt(start + 1);
  if (!isDigit(first) && first !== BACKSLASH) {
    return false;
  }
  let next = end;
  while (isSpace(text.charCodeAt(next))) {
    next += 1;
  }
  return text.charCodeAt(next) === COLON;
}

/** Whether a double keeps this number's text. A double holds every integer of up to fifteen digits. */
function isPlainNumber(text: string, start: number, end: number): boolean {
  if (end - start <= 15) {
    let position = start + 1;
    while (position < end && isDigit(text.charCodeAt(position))) {
      position += 1;
    }
    if (position === end) {
      return true;
    }
  }
  const token = text.slice(start, end);
  return token.length <= 25 && String(Number(token)) === token;
}

/** Returns the text of each item of a JSON list, which must not be empty. JSON.parse must have accepted it. */
export function itemTexts(text: string): readonly string[] {
  const items: string[] = [];
  let start = text.indexOf('[') + 1;
  let depth = 1;
  for (let position = start; depth > 0; position += 1) {
    const code = text.charCodeAt(position);
    if (code === QUOTE) {
      position = endOfString(text, position) - 1;
    } else if (code === OPENING_BRACE || code === OPENING_BRACKET) {
      depth += 1;
    } else if (code === CLOSING_BRACE || code === CLOSING_BRACKET) {
      depth -= 1;
    }
    if ((depth === 1 && code === COMMA) || depth === 0) {
      items.push(text.slice(start, position));
      start = position + 1;
    }
  }
  return items;
}
