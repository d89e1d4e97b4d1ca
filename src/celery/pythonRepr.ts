/**
 * Python's `repr()` of a value that came as JSON: `None`, `True`, `['a', 1]`, `{'k': 'v'}`.
 *
 * A JSON number without a fraction is written as an int, since JSON.parse does not tell 1.0 from 1.
 */
export function pythonRepr(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return stringRepr(value);
    case 'number':
      return numberRepr(value);
    case 'boolean':
      return value ? 'True' : 'False';
    default:
      return containerRepr(value);
  }
}

/** Python's `repr()` of the tuple of these values: `()`, `(1,)`, `(1, 2)`. */
export function tupleRepr(values: readonly unknown[]): string {
  const items = values.map(pythonRepr).join(', ');
  return values.length === 1 ? `(${items},)` : `(${items})`;
}

function containerRepr(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(pythonRepr).join(', ')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const items = Object.entries(value).map(
      ([key, item]) => `${stringRepr(key)}: ${pythonRepr(item)}`,
    );
    return `{${items.join(', ')}}`;
  }
  return 'None';
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

function hexEscape(character: string): string {
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
function numberRepr(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) {
    return Object.is(value, -0) ? '0' : BigInt(value).toString();
  }
  const magnitude = Math.abs(value);
  if (magnitude >= 1e-4 && magnitude < 1e16) {
    return String(value);
  }
  const [digits = '', exponent = ''] = value.toExponential().split('e');
  return `${digits}e${exponent.charAt(0)}${exponent.slice(1).padStart(2, '0')}`;
}
