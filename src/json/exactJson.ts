/**
 * A JSON value in Python's terms, with what JSON.parse loses: an integer of any size is a bigint, any
 * other number a number (`1.0`, and `NaN`, `Infinity` and `-Infinity`, which Python's json module reads
 * and writes), and an object is a Map, whose keys keep their order even where they look like integers.
 */
export type ExactValue =
  | null
  | boolean
  | string
  | bigint
  | number
  | readonly ExactValue[]
  | ReadonlyMap<string, ExactValue>;

/** Says where, as a JSON pointer, a text has a number that Python can't hold. */
export class NumberOutOfRange extends RangeError {
  override readonly name = 'NumberOutOfRange';
  readonly pointer: string;

  constructor(pointer: string, message: string) {
    super(message);
    this.pointer = pointer;
  }
}

/**
 * Reads a JSON text. Of two members of the same name the last one counts, in the first one's place: as in
 * JSON.parse, and as in Python's json module.
 *
 * @throws SyntaxError where the text is not JSON
 * @throws NumberOutOfRange for an integer of more than 4300 digits, or one with a fraction or an exponent
 *   beyond a double's range
 * @throws RangeError where it is nested thousands of levels deep
 */
export function parseExact(text: string): ExactValue {
  let position = 0;
  const path: (string | number)[] = [];

  const fail = (): never => {
    throw new SyntaxError(`Unexpected text in JSON at position ${position}`);
  };
  /** What `pattern`, a sticky one, matches here, perhaps nothing. */
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = position;
    const taken = pattern.exec(text)?.[0] ?? '';
    position += taken.length;
    return taken;
  };
  const skips = (character: string): boolean => {
    take(WHITE_SPACE);
    const found = text[position] === character;
    position += found ? 1 : 0;
    return found;
  };
  // JSON.parse knows the escapes, and which characters need one.
  const readString = (): string => JSON.parse(take(STRING) || fail()) as string;
  const readItems = (closing: string, readItem: (index: number) => void): void => {
    if (skips(closing)) {
      return;
    }
    let index = 0;
    do {
      readItem(index);
      index += 1;
    } while (skips(','));
    if (!skips(closing)) {
      fail();
    }
  };
  const readInside = (key: string | number): ExactValue => {
    path.push(key);
    const value = readValue();
    path.pop();
    return value;
  };
  const readValue = (): ExactValue => {
    if (skips('{')) {
      const members = new Map<string, ExactValue>();
      readItems('}', () => {
        take(WHITE_SPACE);
        const key = readString();
        if (!skips(':')) {
          fail();
        }
        members.set(key, readInside(key));
      });
      return members;
    }
    if (skips('[')) {
      const values: ExactValue[] = [];
      readItems(']', (index) => {
        values.push(readInside(index));
      });
      return values;
    }
    if (text[position] === '"') {
      return readString();
    }
    const word = take(WORD);
    return word ? (WORDS.get(word) ?? null) : numberOf(take(NUMBER) || fail(), path);
  };

  const value = readValue();
  take(WHITE_SPACE);
  return position === text.length ? value : fail();
}

/**
 * Writes JSON that Python's json module reads as the same value; `NaN` and the infinities, for which
 * JSON has no number, as `null`.
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

const WHITE_SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null|NaN|-?Infinity/y;
const WORDS: ReadonlyMap<string, ExactValue> = new Map<string, ExactValue>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);

/** CPython's default of `sys.set_int_max_str_digits`: its json module refuses longer integers. */
const MAXIMUM_DIGITS = 4300;

function numberOf(token: string, path: readonly (string | number)[]): bigint | number {
  if (/^-?\d+$/.test(token)) {
    if (token.replace('-', '').length > MAXIMUM_DIGITS) {
      throw new NumberOutOfRange(pointerOf(path), `has more than ${MAXIMUM_DIGITS} digits`);
    }
    return BigInt(token);
  }
  const number = Number(token);
  if (!Number.isFinite(number)) {
    throw new NumberOutOfRange(pointerOf(path), 'is beyond the range of a double');
  }
  return number;
}

/** RFC 6901. */
function pointerOf(path: readonly (string | number)[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
