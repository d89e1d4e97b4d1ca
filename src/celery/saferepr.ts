import type { ExactValue } from '../json/exactJson.js';
import { floatRepr } from './pythonRepr.js';

/** `argsrepr_maxsize` and `kwargsrepr_maxsize` of celery/app/amqp.py, in code points. */
const MAXIMUM_LENGTH = 1024;

/** `task_repr_maxlevels` of celery/app/defaults.py. */
const MAXIMUM_LEVELS = 3;

/**
 * Celery's bounded representation of a task's arguments, which Flower shows: `saferepr` of
 * celery/utils/saferepr.py, with the truncation of Celery 5.7.
 *
 * `value` is made of what `parseExact` gives, or of what JSON.parse gives where it loses nothing
 * (`isPlain`): there a number without a fraction is Python's int.
 */
export function saferepr(value: unknown, isPlain: boolean): string {
  const closers: string[] = [];
  let written = '';
  let budget = MAXIMUM_LENGTH;

  for (const { kind, text } of tokensOf(value, isPlain ? plainNumberRepr : floatRepr, 0)) {
    if (budget <= 0) {
      if (kind !== 'closing') {
        return `${written}, ...${closers.reverse().join('')}`;
      }
      written += text;
      closers.pop();
      continue;
    }
    const shown =
      kind === 'word' ? truncate(text, budget) : kind === 'string' ? quote(text, budget) : text;
    written += shown;
    budget -= lengthOf(shown);
    if (kind === 'opening') {
      closers.push(text === '[' ? ']' : '}');
    } else if (kind === 'closing') {
      closers.pop();
    }
  }
  return written;
}

/** `word` and `string` are cut to the budget that is left, the others never. */
interface Token {
  kind: 'opening' | 'closing' | 'mark' | 'word' | 'string';
  text: string;
}

const COMMA: Token = { kind: 'mark', text: ', ' };
const COLON: Token = { kind: 'mark', text: ': ' };

/** `reprstream` of celery/utils/saferepr.py. */
function* tokensOf(
  value: unknown,
  numberRepr: (value: number) => string,
  level: number,
): Generator<Token> {
  if (typeof value === 'string') {
    yield { kind: 'string', text: value };
    return;
  }
  if (typeof value !== 'object' || value === null) {
    yield { kind: 'word', text: wordOf(value, numberRepr) };
    return;
  }
  const [opening, closing] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  if (level >= MAXIMUM_LEVELS) {
    yield { kind: 'mark', text: `${opening}...${closing}` };
    return;
  }
  yield { kind: 'opening', text: opening };
  let isFirst = true;
  for (const [key, item] of membersOf(value)) {
    if (!isFirst) {
      yield COMMA;
    }
    isFirst = false;
    if (key !== undefined) {
      yield { kind: 'string', text: key };
      yield COLON;
    }
    yield* tokensOf(item, numberRepr, level + 1);
  }
  yield { kind: 'closing', text: closing };
}

function* membersOf(value: object): Generator<readonly [key: string | undefined, item: unknown]> {
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) {
      yield [undefined, item];
    }
  } else if (value instanceof Map) {
    yield* value as ReadonlyMap<string, ExactValue>;
  } else {
    for (const key of Object.keys(value)) {
      yield [key, (value as Readonly<Record<string, unknown>>)[key]];
    }
  }
}

function wordOf(value: unknown, numberRepr: (value: number) => string): string {
  switch (typeof value) {
    case 'number':
      return numberRepr(value);
    case 'bigint':
      return value.toString();
    case 'boolean':
      return value ? 'True' : 'False';
    default:
      return 'None';
  }
}

/** JavaScript writes every digit of an integer below 1e21, and such a text is an int in Python too. */
function plainNumberRepr(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? String(value) : floatRepr(value);
}

/** `_format_chars` of celery/utils/saferepr.py: nothing but the quote is escaped, and after the cut. */
function quote(text: string, budget: number): string {
  return `'${truncate(text, budget).replaceAll("'", "\\'")}'`;
}

/** `truncate` of celery/utils/text.py: cuts back to the last space before `length`. */
function truncate(text: string, length: number): string {
  // No code point takes more than two code units.
  if (text.length < length || (text.length < 2 * length && lengthOf(text) < length)) {
    return text;
  }
  const cut = firstCodePoints(text, length);
  const space = cut.lastIndexOf(' ');
  return `${space < 0 ? cut : cut.slice(0, space)}...`;
}

/** Python counts code points, JavaScript UTF-16 code units. */
function lengthOf(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code >= 0xd800 && code <= 0xdbff && isLowSurrogate(text.charCodeAt(index + 1))) {
      length -= 1;
    }
  }
  return length;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}

function firstCodePoints(text: string, count: number): string {
  return Array.from(text.slice(0, 2 * count))
    .slice(0, count)
    .join('');
}
