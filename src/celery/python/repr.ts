import { isList, type ExactValue } from '../../json/exactJson.js';
import { kombuObjectOf } from './kombuTypes.js';

/** Python's `repr()` of a value that came as JSON: `None`, `True`, `['a', 1]`, `{'k': 1.0}`. */
export function pythonRepr(value: ExactValue): string {
  switch (typeof value) {
    case 'string':
      return stringRepr(value);
    case 'bigint':
      return value.toString();
    case 'number':
      return floatRepr(value);
    case 'boolean':
      return value ? 'True' : 'False';
    default:
      return containerRepr(value);
  }
}

/** Python's `str()` of a value that came as JSON. */
export function pythonStr(value: ExactValue): string {
  if (typeof value === 'string') {
    return value;
  }
  return kombuObjectOf(value)?.str() ?? pythonRepr(value);
}

/** Python's `repr()` of the tuple of these values: `()`, `(1,)`, `(1, 2)`. */
export function tupleRepr(values: readonly ExactValue[]): string {
  const items = values.map(pythonRepr).join(', ');
  return values.length === 1 ? `(${items},)` : `(${items})`;
}

function containerRepr(value: Exclude<ExactValue, string | bigint | number | boolean>): string {
  if (value === null) {
    return 'None';
  }
  if (isList(value)) {
    return `[${value.map(pythonRepr).join(', ')}]`;
  }
  const object = kombuObjectOf(value);
  if (object !== undefined) {
    return object.repr();
  }
  const items = Array.from(value, ([key, item]) => `${stringRepr(key)}: ${pythonRepr(item)}`);
  return `{${items.join(', ')}}`;
}

const NAMED_ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** CPython's `unicode_repr` (Objects/unicodeobject.c): what `str.isprintable` denies is escaped. */
function stringRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\p{C}\p{Z}\\'"]/gu, (character) => {
    if (character === ' ' || ((character === "'" || character === '"') && character !== quote)) {
      return character;
    }
    return NAMED_ESCAPES[character] ?? (character === quote ? `\\${quote}` : hexEscape(character));
  });
  return `${quote}${escaped}${quote}`;
}

/** The escape of a character in Python's source: `\x7f`, `\u200b`, `\U000e0001`. */
export function hexEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code <= 0xff) {
    return `\\x${hex.padStart(2, '0')}`;
  }
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/**
 * CPython's `float_repr_style = 'short'` (Python/pystrtod.c): as JavaScript, the shortest digits that
 * read back as the same number, but in exponent form below 1e-4 and from 1e16.
 */
export function floatRepr(value: number): string {
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  }
  const magnitude = Math.abs(value);
  if (magnitude === 0 || (magnitude >= 1e-4 && magnitude < 1e16)) {
    const digits = Object.is(value, -0) ? '-0' : String(value);
    return digits.includes('.') ? digits : `${digits}.0`;
  }
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  return `${digits}e${exponent.charAt(0)}${exponent.slice(1).padStart(2, '0')}`;
}
