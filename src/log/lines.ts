import winston from 'winston';

/** The fields of a log line, for programs. */
export type Fields = Readonly<Record<string, unknown>>;

/** Where winston's transports find the finished line of an entry (MESSAGE of triple-beam). */
export const LINE = Symbol.for('message');

/** Where they find its level (LEVEL of triple-beam). */
const LEVEL = Symbol.for('level');

/**
 * Makes the line of an entry: JSON whose members are in the order of the entry's. A line that another process
 * has made is kept. Every transport gets the entry without the credentials of URLs.
 */
export const jsonFormat = winston.format((entry) => {
  const made = entry[LINE];
  if (typeof made === 'string') {
    entry[LINE] = withoutCredentials(escaped(made));
    return entry;
  }
  const json = JSON.stringify(entry);
  const line = isPlain(json) ? json : escaped(json);
  const safe = withoutCredentials(line);
  if (safe !== line) {
    return { ...(JSON.parse(safe) as typeof entry), [LEVEL]: entry[LEVEL], [LINE]: safe };
  }
  entry[LINE] = line;
  return entry;
});

/** A line for people. No text can begin an entry of its own: values are JSON, and stack lines are indented. */
export const readableFormat = winston.format.printf((entry) => {
  const { timestamp, level, message, stack, ...fields } = entry;
  if (typeof timestamp !== 'string') {
    return String(entry[LINE]);
  }
  const details = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
  const trace = typeof stack === 'string' ? stack.split('\n') : [];
  const text = String(message).replaceAll('\n', '\\u000a');
  const start = `${timestamp} ${level.padEnd(8)} ${text}${details.join('')}`;
  return withoutCredentials(escaped([start, ...trace].join('\n    ')));
});

/**
 * What a terminal or a viewer may take for the end of a line, a command or a change of the reading direction:
 * the control characters C0 except our own line ends, DEL and C1, the line separators, and the marks of
 * bidirectional text (UAX #9).
 */
const CONTROLS = /(?!\n)[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** In lines of JSON, such characters stand in strings alone, where these escapes mean the same. */
function escaped(text: string): string {
  return text.replace(
    CONTROLS,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Whether JSON.stringify has escaped all that has to be. Counting bytes costs a quarter of what a search does. */
function isPlain(json: string): boolean {
  return Buffer.byteLength(json) === json.length && !json.includes('\x7f');
}

/**
 * Hides user and password of every URL in a text: what stands between `://` and the last `@` of the same
 * word. The time is linear in the length of the text.
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
