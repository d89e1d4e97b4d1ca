import {
  CLOSING_BRACE,
  CLOSING_BRACKET,
  COLON,
  COMMA,
  endOfNumber,
  endOfString,
  isDigit,
  isSpace,
  MINUS,
  OPENING_BRACE,
  OPENING_BRACKET,
  QUOTE,
} from './characters.js';
import { pointerPart } from './jsonPointer.js';

/**
 * A JSON value that keeps what JSON.parse loses. An integer of any size is a bigint; any other number is a number
 * (`1.0`, and `NaN`, `Infinity` and `-Infinity`, which Python's json module reads and writes); an object is a Map, so
 * that keys that look like integers keep their places.
 */
export type ExactValue =
  | null
  | boolean
  | string
  | bigint
  | number
  | readonly ExactValue[]
  | ReadonlyMap<string, ExactValue>;

/** A JSON text holds a value that Python can't hold, at `pointer` (RFC 6901). */
export class UnsuitableJson extends RangeError {
  override readonly name = 'UnsuitableJson';
  readonly pointer: string;

  constructor(pointer: string, message: string) {
    super(message);
    this.pointer = pointer;
  }
}

/**
 * Reads a JSON text. If a name is repeated, the last value counts, in the first one's place: as in JSON.parse and in
 * Python's json module.
 *
 * @throws SyntaxError where the text is not JSON
 * @throws UnsuitableJson for an integer of more than 4300 digits; unless `allowsInfinity`, also for another number
 *   beyond a double's range, which Python reads as an infinity
 * @throws SyntaxError for `NaN`, `Infinity` and `-Infinity`, unless `allowsInfinity`
 * @throws RangeError if it is nested thousands of levels deep
 */
export function parseExact(
  text: string,
  { allowsInfinity }: { allowsInfinity: boolean },
): ExactValue {
  const path: (string | number)[] = [];
  let position = 0;

  const fail = (): never => {
    throw new SyntaxError(`Unexpected text in JSON at position ${position}`);
  };
  const unsuitable = (reason: string): never => {
    throw new UnsuitableJson(path.map(pointerPart).join(''), reason);
  };
  /** Skips white space and returns the next character's code, NaN at the end. */
  const peek = (): number => {
    while (isSpace(text.charCodeAt(position))) {
      position += 1;
    }
    return text.charCodeAt(position);
  };
  /** Skips the comma before another item, or the bracket after the last one. */
  const hasMore = (closing: number): boolean => {
    const code = peek();
    if (code !== COMMA && code !== closing) {
      fail();
    }
    position += 1;
    return code === COMMA;
  };
  /** Skips the opening bracket and, if the container is empty, the closing one. */
  const isEmpty = (closing: number): boolean => {
    position += 1;
    const found = peek() === closing;
    position += found ? 1 : 0;
    return found;
  };
  const readString = (): string => {
    if (peek() !== QUOTE) {
      fail();
    }
    const start = position;
    position = endOfString(text, start);
    // JSON.parse reads the escapes, and refuses characters that need one.
    return JSON.parse(text.slice(start, position)) as string;
  };
  const readItem = (key: string | number): ExactValue => {
    path.push(key);
    const value = readValue();
    path.pop();
    return value;
  };
  const readObject = (): ExactValue => {
    const members = new Map<string, ExactValue>();
    if (isEmpty(CLOSING_BRACE)) {
      return members;
    }
    do {
      const key = readString();
      if (peek() !== COLON) {
        fail();
      }
      position += 1;
      members.set(key, readItem(key));
    } while (hasMore(CLOSING_BRACE));
    return members;
  };
  const readList = (): ExactValue => {
    if (isEmpty(CLOSING_BRACKET)) {
      return [];
    }
    // Not from []: V8 grows an empty array to 17 places, which is much memory for many small lists.
    const values = [readItem(0)];
    while (hasMore(CLOSING_BRACKET)) {
      values.push(readItem(values.length));
    }
    return values;
  };
  const readNumber = (): ExactValue => {
    const token = text.slice(position, endOfNumber(text, position));
    if (!NUMBER.test(token)) {
      return readWord();
    }
    position += token.length;
    if (/[.eE]/.test(token)) {
      const number = Number(token);
      return Number.isFinite(number) || allowsInfinity
        ? number
        : unsuitable('is beyond the range of a double');
    }
    return token.length > MAXIMUM_DIGITS && token.replace('-', '').length > MAXIMUM_DIGITS
      ? unsuitable(`has more than ${MAXIMUM_DIGITS} digits`)
      : BigInt(token);
  };
  const readWord = (): ExactValue => {
    const found = WORDS.find(([word]) => text.startsWith(word, position)) ?? fail();
    position += found[0].length;
    return typeof found[1] !== 'number' || allowsInfinity ? found[1] : fail();
  };
  const readValue = (): ExactValue => {
    const code = peek();
    switch (code) {
      case OPENING_BRACE:
        return readObject();
      case OPENING_BRACKET:
        return readList();
      case QUOTE:
        return readString();
      default:
        return code === MINUS || isDigit(code) ? readNumber() : readWord();
    }
  };

  const value = readValue();
  return Number.isNaN(peek()) ? value : fail();
}

/**
 * Writes JSON that Python's json module reads as the same value. `NaN` and the infinities, for which JSON has no number,
 * become `null`.
 */
export function writeExact(value: ExactValue): string {
  if (typeof value === 'bigint') {
    return value.toString();
  }
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 1e21) {
    return `${Object.is(value, -0) ? '-0' : value}.0`;
  }
  if (isList(value)) {
    return `[${value.map(writeExact).join(',')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const members = Array.from(value, ([key, member]) => {
      return `${JSON.stringify(key)}:${writeExact(member)}`;
    });
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value);
}

export function isList(value: unknown): value is readonly ExactValue[] {
  return Array.isArray(value);
}

export function isObject(value: unknown): value is ReadonlyMap<string, ExactValue> {
  return value instanceof Map;
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

const WORDS: readonly (readonly [string, ExactValue])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
];

/** CPython's default for `sys.set_int_max_str_digits`; its json module refuses longer integers. */
const MAXIMUM_DIGITS = 4300;
