import {
  BACKSLASH,
  CAPITAL_E,
  isDigit,
  isSpace,
  MINUS,
  PLUS,
  POINT,
  QUOTE,
  SMALL_E,
  ZERO,
} from './characters.js';

/**
 * The tokens of JSON's grammar (RFC 8259) among bytes. Each function returns the position after its token, or BROKEN where
 * there is none.
 */

/** The position of what does not follow the grammar. */
export const BROKEN = -1;

/** The position of what is no white space, from `start` on. */
export function afterSpace(bytes: Buffer, start: number): number {
  let position = start;
  while (isSpace(bytes[position] ?? 0)) {
    position += 1;
  }
  return position;
}

/** The position after the string that begins at `start`. */
export function endOfString(bytes: Buffer, start: number): number {
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

/** The position after so many characters and escapes of a valid string's content; it may be behind the string's end. */
export function afterCharacters(bytes: Buffer, start: number, count: number): number {
  let position = start;
  for (let index = 0; index < count; index += 1) {
    const code = bytes[position] ?? 0;
    if (code === BACKSLASH) {
      position += bytes[position + 1] === UNICODE_ESCAPE ? 6 : 2;
    } else {
      // Of UTF-8's first bytes, the greater ones have more to follow (RFC 3629).
      position += code < 0x80 ? 1 : code < 0xe0 ? 2 : code < 0xf0 ? 3 : 4;
    }
  }
  return position;
}

/** By its code, 1 for a byte that stands for itself in a string: not a control character, a quote or a backslash. */
const CONTENT = Uint8Array.from({ length: 256 }, (_, code) =>
  code < 0x20 || code === QUOTE || code === BACKSLASH ? 0 : 1,
);

/** By its code, 1 for what follows the backslash in an escape of two characters. */
const SHORT_ESCAPE = Uint8Array.from({ length: 256 }, (_, code) =>
  '"\\/bfnrt'.includes(String.fromCharCode(code)) ? 1 : 0,
);
const UNICODE_ESCAPE = 0x75;

function endOfEscape(bytes: Buffer, start: number): number {
  const kind = bytes[start + 1];
  if (kind !== UNICODE_ESCAPE) {
    return SHORT_ESCAPE[kind ?? 0] === 1 ? start + 2 : BROKEN;
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
export function endOfDecimal(bytes: Buffer, start: number): number {
  const first = bytes[start] === MINUS ? start + 1 : start;
  const end = endOfDigits(bytes, first);
  if (bytes[first] === ZERO && end > first + 1) {
    return BROKEN;
  }
  return bytes[end] === POINT ? endOfDigits(bytes, end + 1) : end;
}

/** The position after an exponent; `start`, which may be BROKEN, where there is none. */
export function endOfExponent(bytes: Buffer, start: number): number {
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

/** The position after `true`, `false` or `null`. */
export function endOfWord(bytes: Buffer, start: number): number {
  const word = WORDS.get(bytes[start]) ?? NO_WORD;
  for (let index = 0; index < word.length; index += 1) {
    if (bytes[start + index] !== word[index]) {
      return BROKEN;
    }
  }
  return word.length === 0 ? BROKEN : start + word.length;
}

const NO_WORD = Buffer.alloc(0);
