export const QUOTE = 0x22;
export const PLUS = 0x2b;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
export const POINT = 0x2e;
export const COLON = 0x3a;
export const CAPITAL_E = 0x45;
export const OPENING_BRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSING_BRACKET = 0x5d;
export const SMALL_E = 0x65;
export const OPENING_BRACE = 0x7b;
export const CLOSING_BRACE = 0x7d;

export const ZERO = 0x30;
const NINE = 0x39;

export function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

/** White space of JSON (RFC 8259, section 2). */
export function isSpace(code: number): boolean {
  return code <= 0x20 && (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09);
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

/** Whether this stands in a number; the order is that of the most frequent. */
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
