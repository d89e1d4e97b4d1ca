import type { LogLevel } from '../config/values.js';
import { quoted } from '../json/jsonText.js';

/** What a line of the log tells to programs. */
export type Fields = Readonly<Record<string, unknown>>;

/** Makes a line, without its end. */
export type WriteLine = (time: string, level: LogLevel, message: string, fields: Fields) => string;

export function jsonLine(time: string, level: LogLevel, message: string, fields: Fields): string {
  const head = `{"timestamp":"${time}","level":"${level}","message":${quoted(message)}`;
  const rest = JSON.stringify(fields);
  return rest === '{}' ? `${head}}` : `${head},${rest.slice(1)}`;
}

/** No text can begin an entry of its own: values are written as JSON, and the lines of a stack are indented. */
export function readableLine(
  time: string,
  level: LogLevel,
  message: string,
  { stack, ...fields }: Fields,
): string {
  const details = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  const trace = typeof stack === 'string' ? stack.split('\n') : [];
  const start = `${time} ${level.padEnd(8)} ${message.replaceAll('\n', '\\u000a')}`;
  return [`${start}${details.join('')}`, ...trace].join('\n    ');
}

/** The readable line for one of JSON; whatever is no entry of a log stays as it is. */
export function madeReadable(line: string): string {
  try {
    const { timestamp: time, level, message, ...fields } = JSON.parse(line) as Entry;
    return readableLine(time, level, message, fields);
  } catch {
    return line;
  }
}

type Entry = Fields & { timestamp: string; level: LogLevel; message: string };

/**
 * What a terminal or a viewer may take for the end of a line, a command or another direction of reading:
 * the control characters C0 but the end of our own lines, DEL and C1, the line separators, and the marks of bidirectional text (UAX #9).
 */
const CONTROLS = /(?!\n)[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Lines as they may be written: nothing in them acts on whoever reads them, or lets him in elsewhere. */
export function cleaned(lines: string): string {
  return withoutCredentials(escaped(lines));
}

/** In lines of JSON, such characters stand in strings alone, where these escapes mean the same. */
function escaped(text: string): string {
  if (!/[^ -~\n]/.test(text)) {
    return text;
  }
  return text.replace(
    CONTROLS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * Hides user and password of every URL in a text: what stands between `://` and the last `@` of the same
 * word. Costs linear time, whatever the text.
 */
export function withoutCredentials(text: string): string {
  if (!text.includes('://')) {
    return text;
  }
  return text.replace(/[^\s"<>]+/g, (word) => {
    const start = word.indexOf('://');
    const end = word.lastIndexOf('@');
    return start >= 0 && end > start ? `${word.slice(0, start)}://***${word.slice(end)}` : word;
  });
}
