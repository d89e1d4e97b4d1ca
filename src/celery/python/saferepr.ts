import {
  CLOSING_BRACE,
  CLOSING_BRACKET,
  COMMA,
  endOfNumber,
  endOfString,
  isSpace,
  OPENING_BRACE,
  OPENING_BRACKET,
  QUOTE,
} from '../../json/characters.js';
import { parseExact, writeExact } from '../../json/exactJson.js';
import type { JsonText } from '../../json/jsonText.js';
import { lengthOf, truncate } from './codePoints.js';
import { floatRepr } from './repr.js';

/** `argsrepr_maxsize` and `kwargsrepr_maxsize` of celery/app/amqp.py, in code points. */
const MAXIMUM_LENGTH = 1024;

/** `task_repr_maxlevels` of celery/app/defaults.py. */
const MAXIMUM_LEVELS = 3;

/** How much of a large text is read first, in bytes: enough for all that is shown of one long string. */
const FIRST_BYTES = 16 * 1024;

/** The most characters of JSON that one code point takes: two escapes, `\ud83d\ude00`. */
const LONGEST_CODE_POINT = 12;

/**
 * Celery's bounded representation of a task's arguments, which Flower shows: `saferepr` of celery/utils/saferepr.py, with
 * the truncation of Celery 5.7, of the list that holds these params. They are read as far as they are shown: of a name
 * that is repeated only behind that, the first value is shown.
 */
export function argsrepr(params: JsonText): string {
  const { source } = params;
  const isLarge = typeof source !== 'string' && source.length > FIRST_BYTES;
  const ofBeginning = isLarge ? reprOf(`[${source.toString('utf8', 0, FIRST_BYTES)}`) : undefined;
  const repr = ofBeginning ?? reprOf(`[${params.text}]`);
  return repr ?? reprOf(`[${withoutRepetitions(params)}]`) ?? '';
}

/** Of members with the same name, the last one counts. */
function withoutRepetitions({ text }: JsonText): string {
  return writeExact(parseExact(text, { allowsInfinity: false }));
}

/** Undefined where the text ends before all is read that is to be shown, or the first value of a name does not count. */
function reprOf(json: string): string | undefined {
  const writing: Writing = {
    json,
    position: 0,
    isMisread: false,
    text: '',
    budget: MAXIMUM_LENGTH,
    isFull: false,
  };
  write(writing, 0);
  return writing.isMisread ? undefined : writing.text;
}

interface Writing {
  readonly json: string;
  /** Of what is read next. */
  position: number;
  /** The text is not what is to be shown. */
  isMisread: boolean;
  text: string;
  /** How many code points may follow. */
  budget: number;
  /** Only closing brackets may follow, and nothing more is read. */
  isFull: boolean;
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
  while (!writing.isFull && !writing.isMisread) {
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
      writing.isMisread ||= name !== undefined && names.includes(name);
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

/** Skips white space and returns the next character's code; 0 at the end of the text. */
function nextCode(writing: Writing): number {
  const { json } = writing;
  while (isSpace(json.charCodeAt(writing.position))) {
    writing.position += 1;
  }
  writing.isMisread ||= writing.position >= json.length && !writing.isFull;
  return writing.isMisread ? 0 : json.charCodeAt(writing.position);
}

/** Of a long string, returns only its beginning, which is longer than what is shown. */
function readString(writing: Writing): string {
  const { json, position } = writing;
  const end = endOfString(json, position);
  const isCut = end >= json.length;
  const longest = LONGEST_CODE_POINT * MAXIMUM_LENGTH;
  const content = json.slice(position + 1, Math.min(isCut ? end : end - 1, position + longest));
  const text = content.includes('\\') ? unescaped(content) : content;
  writing.position = end;
  // The last code point of a text that is cut may be a part of one.
  writing.isMisread ||= isCut && lengthOf(text) <= writing.budget + 1;
  return text;
}

function unescaped(content: string): string {
  return JSON.parse(`"${COMPLETE.exec(content)?.[0] ?? ''}"`) as string;
}

/** All but half an escape, or the quote at which a text has been cut. */
const COMPLETE = /^(?:[^\\"]|\\u[\da-f]{4}|\\[^u])*/i;

/** Returns the representation of a scalar that is no string. */
function readWord(writing: Writing): string {
  const { json, position } = writing;
  switch (json[position]) {
    case 't':
      writing.position += 'true'.length;
      return 'True';
    case 'f':
      writing.position += 'false'.length;
      return 'False';
    case 'n':
      writing.position += 'null'.length;
      return 'None';
    default:
      writing.position = endOfNumber(json, position);
      writing.isMisread ||= writing.position >= json.length;
      return numberRepr(json.slice(position, writing.position));
  }
}

/** Python's int has no -0. */
function numberRepr(number: string): string {
  if (/[.eE]/.test(number)) {
    return floatRepr(Number(number));
  }
  return number === '-0' ? '0' : number;
}

function skipContainer(writing: Writing): void {
  const { json } = writing;
  let depth = 0;
  do {
    const code = json.charCodeAt(writing.position);
    if (code === QUOTE) {
      writing.position = endOfString(json, writing.position);
      continue;
    }
    if (code === OPENING_BRACE || code === OPENING_BRACKET) {
      depth += 1;
    } else if (code === CLOSING_BRACE || code === CLOSING_BRACKET) {
      depth -= 1;
    }
    writing.position += 1;
  } while (depth > 0 && writing.position < json.length);
  writing.isMisread ||= depth > 0;
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
