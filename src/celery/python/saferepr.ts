import { floatRepr } from './repr.js';

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
  const writing: Writing = {
    text: '',
    budget: MAXIMUM_LENGTH,
    isFull: false,
    numberRepr: isPlain ? plainNumberRepr : floatRepr,
  };
  write(writing, value, 0);
  return writing.text;
}

interface Writing {
  text: string;
  /** How many code points may follow. */
  budget: number;
  /** Only closing brackets may follow. */
  isFull: boolean;
  numberRepr: (value: number) => string;
}

/** `reprstream` of celery/utils/saferepr.py. */
function write(writing: Writing, value: unknown, level: number): void {
  if (typeof value === 'string') {
    writeString(writing, value);
  } else if (typeof value !== 'object' || value === null) {
    if (hasRoom(writing)) {
      append(writing, truncate(wordOf(value, writing.numberRepr), writing.budget));
    }
  } else if (level >= MAXIMUM_LEVELS) {
    writeMark(writing, Array.isArray(value) ? '[...]' : '{...}');
  } else if (hasRoom(writing)) {
    append(writing, Array.isArray(value) ? '[' : '{');
    writeMembers(writing, value, level + 1);
    append(writing, Array.isArray(value) ? ']' : '}');
  }
}

function writeMembers(writing: Writing, container: object, level: number): void {
  const start = writing.text.length;
  const isList = Array.isArray(container);
  const entries: Iterable<[string | number, unknown]> =
    isList || container instanceof Map ? container.entries() : Object.entries(container);
  for (const [key, item] of entries) {
    if (writing.isFull) {
      return;
    }
    if (writing.text.length > start) {
      writeMark(writing, ', ');
    }
    if (!isList) {
      writeString(writing, String(key));
      writeMark(writing, ': ');
    }
    write(writing, item, level);
  }
}

function writeString(writing: Writing, text: string): void {
  if (hasRoom(writing)) {
    append(writing, quote(text, writing.budget));
  }
}

/** A mark is never cut. */
function writeMark(writing: Writing, text: string): void {
  if (hasRoom(writing)) {
    append(writing, text);
  }
}

function append(writing: Writing, text: string): void {
  writing.text += text;
  writing.budget -= lengthOf(text);
}

/** Whether anything may follow; the first time that it may not, the text says that something is left out. */
function hasRoom(writing: Writing): boolean {
  if (writing.budget <= 0 && !writing.isFull) {
    writing.isFull = true;
    writing.text += ', ...';
  }
  return !writing.isFull;
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
