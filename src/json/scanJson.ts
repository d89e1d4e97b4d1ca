/** What a scan finds in the text of a JSON object. */
export interface JsonScan {
  /** The text of each member; of two of the same name, the last one's. */
  members: ReadonlyMap<string, string>;
  /** Whether JSON.parse keeps all that Python's json module would: every number and the keys' order. */
  isPlain: boolean;
}

/**
 * Looks at each token of a JSON text once, without making values of them. JSON.parse or `parseExact` must
 * have accepted the text. Where it is no object, it has no members.
 */
export function scanJson(text: string): JsonScan {
  const members = new Map<string, string>();
  let isPlain = true;
  let depth = 0;
  let outermost = 0;
  let key: string | undefined;
  let start = 0;
  let position = 0;

  const endMember = (): void => {
    if (key !== undefined) {
      members.set(JSON.parse(key) as string, text.slice(start, position));
      key = undefined;
    }
  };

  while (position < text.length) {
    const code = text.charCodeAt(position);
    if (code === QUOTE) {
      const end = endOfString(text, position);
      if (depth === 1 && outermost === OPENING_BRACE && key === undefined) {
        key = text.slice(position, end);
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
    } else if (code === CLOSING_BRACE || code === CLOSING_BRACKET) {
      depth -= 1;
    }
    if (depth === 1 && code === COLON) {
      start = position + 1;
    } else if ((depth === 1 && code === COMMA) || depth === 0) {
      endMember();
    }
    position += 1;
  }
  return { members, isPlain };
}

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const COMMA = 0x2c;
const CAPITAL_E = 0x45;
const SMALL_E = 0x65;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

/** The position behind the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) {
      backslashes += 1;
    }
    // An odd number of them escapes the quote.
    if (backslashes % 2 === 0) {
      return end + 1;
    }
  }
}

/** JSON.parse moves keys that look like integers to the front; one may be written in escapes. */
function mayBeIntegerKey(text: string, start: number, end: number): boolean {
  const first = text.charCodeAt(start + 1);
  if (!isDigit(first) && first !== BACKSLASH) {
    return false;
  }
  let next = end;
  while (text.charCodeAt(next) <= SPACE) {
    next += 1;
  }
  return text.charCodeAt(next) === COLON;
}

function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length && isPartOfNumber(text.charCodeAt(end))) {
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

/** Fifteen digits are an integer that a double holds. */
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
