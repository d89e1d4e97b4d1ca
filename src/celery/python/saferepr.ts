import {
  CLOSING_BRACE,
  CLOSING_BRACKET,
  COMMA,
  OPENING_BRACE,
  OPENING_BRACKET,
  QUOTE,
} from '../../json/characters.js';
import { parseExact, writeExact } from '../../json/exactJson.js';
import type { JsonText } from '../../json/jsonText.js';
import {
  afterCharacters,
  afterSpace,
  BROKEN,
  endOfDecimal,
  endOfExponent,
  endOfString,
  endOfWord,
} from '../../json/tokens.js';
import { lengthOf, truncate } from './codePoints.js';
import { floatRepr } from './repr.js';

/** `argsrepr_maxsize` and `kwargsrepr_maxsize` of celery/app/amqp.py, in code points. */
const MAXIMUM_LENGTH = 1024;

/** `task_repr_maxlevels` of celery/app/defaults.py. */
const MAXIMUM_LEVELS = 3;

/**
 * Celery's bounded representation of a task's arguments, which Flower shows: `saferepr` of celery/utils/saferepr.py, with
 * the truncation of Celery 5.7. They are read as far as they are shown: of a name that is repeated only behind that, the
 * first value is shown.
 *
 * @param json must be valid
 */
export function saferepr(json: JsonText): string {
  return withLastMembers(json, (bytes) => {
    const writing = writingOf(bytes);
    write(writing, 0);
    return writing;
  });
}

/** The same of the list that holds this one item. */
export function listRepr(item: JsonText): string {
  return withLastMembers(item, (bytes) => {
    const writing = writingOf(bytes);
    append(writing, '[');
    write(writing, 1);
    append(writing, ']');
    return writing;
  });
}

function withLastMembers(json: JsonText, reprOf: (bytes: Buffer) => Writing): string {
  const writing = reprOf(json.bytes);
  return writing.hasRepetition ? reprOf(withoutRepetitions(json)).text : writing.text;
}

/** Of members with the same name, the last one counts. */
function withoutRepetitions({ text }: JsonText): Buffer {
  return Buffer.from(writeExact(parseExact(text, { allowsInfinity: false })));
}

function writingOf(json: Buffer): Writing {
  return {
    json,
    position: 0,
    text: '',
    budget: MAXIMUM_LENGTH,
    isFull: false,
    hasRepetition: false,
  };
}

interface Writing {
  /** In UTF-8: to look at bytes takes less time than to look at a string's characters. */
  readonly json: Buffer;
  /** Of what is read next. */
  position: number;
  text: string;
  /** How many code points may follow. */
  budget: number;
  /** Only closing brackets may follow, and nothing more is read. */
  isFull: boolean;
  /** Some object has two members of the same name, of which the first has been shown. */
  hasRepetition: boolean;
}

/** `reprstream` of celery/utils/saferepr.py. */
function write(writing: Writing, level: number): void {
  if (!hasRoom(writing)) {
    return;
  }
  const code = nextCode(writing);
  if (code === QUOTE) {
    writeString(writing);
  } else if (code !== OPENING_BRACE && code !== OPENING_BRACKET) {
    append(writing, truncate(readWord(writing), writing.budget));
  } else if (level >= MAXIMUM_LEVELS) {
    skipContainer(writing);
    append(writing, code === OPENING_BRACE ? '{...}' : '[...]');
  } else {
    append(writing, code === OPENING_BRACE ? '{' : '[');
    writeMembers(writing, code === OPENING_BRACE, level + 1);
    append(writing, code === OPENING_BRACE ? '}' : ']');
  }
}

function writeMembers(writing: Writing, isObject: boolean, level: number): void {
  const names: string[] = [];
  writing.position += 1;
  while (!writing.isFull) {
    const code = nextCode(writing);
    if (code === CLOSING_BRACE || code === CLOSING_BRACKET) {
      writing.position += 1;
      return;
    }
    if (code === COMMA) {
      writing.position += 1;
      writeMark(writing, ', ');
    }
    if (isObject) {
      const name = writeString(writing);
      writing.hasRepetition ||= name !== undefined && names.includes(name);
      names.push(name ?? '');
      nextCode(writing);
      writing.position += 1;
      writeMark(writing, ': ');
    }
    write(writing, level);
  }
}

/** Returns the string, unless there is no room for it. */
function writeString(writing: Writing): string | undefined {
  if (!hasRoom(writing)) {
    return undefined;
  }
  nextCode(writing);
  const text = readString(writing);
  append(writing, quote(text, writing.budget));
  return text;
}

/** Skips white space and returns the next character's code. */
function nextCode(writing: Writing): number {
  writing.position = afterSpace(writing.json, writing.position);
  return writing.json[writing.position] ?? 0;
}

/** Of a long string, returns only its beginning, which is longer than what is shown. */
function readString(writing: Writing): string {
  const { json, position, budget } = writing;
  const end = endOfString(json, position) - 1;
  writing.position = end + 1;
  // Two escapes may be one code point.
  const isLong = end - position > 2 * (budget + 1);
  const partEnd = isLong
    ? Math.min(end, afterCharacters(json, position + 1, 2 * (budget + 1)))
    : end;
  const part = json.toString('utf8', position + 1, partEnd);
  return part.includes('\\') ? (JSON.parse(`"${part}"`) as string) : part;
}

/** Returns the representation of a scalar that is no string. */
function readWord(writing: Writing): string {
  const { json, position } = writing;
  const end = endOfWord(json, position);
  if (end === BROKEN) {
    writing.position = endOfExponent(json, endOfDecimal(json, position));
    return numberRepr(json.toString('latin1', position, writing.position));
  }
  writing.position = end;
  return WORDS[json.toString('latin1', position, end)] ?? '';
}

const WORDS: Readonly<Record<string, string>> = { true: 'True', false: 'False', null: 'None' };

/** Python's int has no -0. */
function numberRepr(number: string): string {
  if (/[.eE]/.test(number)) {
    return floatRepr(Number(number));
  }
  return number === '-0' ? '0' : number;
}

function skipContainer(writing: Writing): void {
  const { json } = writing;
  let { position } = writing;
  let depth = 0;
  do {
    const code = json[position];
    if (code === QUOTE) {
      position = endOfString(json, position);
      continue;
    }
    if (code === OPENING_BRACE || code === OPENING_BRACKET) {
      depth += 1;
    } else if (code === CLOSING_BRACE || code === CLOSING_BRACKET) {
      depth -= 1;
    }
    position += 1;
  } while (depth > 0);
  writing.position = position;
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

/** `_format_chars` of celery/utils/saferepr.py: nothing but the quote is escaped, and after the cut. */
function quote(text: string, budget: number): string {
  return `'${truncate(text, budget).replaceAll("'", "\\'")}'`;
}
