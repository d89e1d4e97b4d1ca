import { parseExact } from '../../json/exactJson.js';
import type { JsonText } from '../../json/jsonText.js';
import { findUnreadable } from './kombuTypes.js';

/** Where in a part of a message, which is well-formed JSON, a worker's kombu may fail: a JSON pointer into it. */
export type FindUnreadable = (part: JsonText) => string | undefined;

export const unreadableAt: FindUnreadable = (part) =>
  mayHaveTypes(part) ? findUnreadable(parseExact(part.text, { allowsInfinity: false })) : undefined;

/** Looks for kombu's `__type__`, which may be written in escapes: of small letters of ASCII and of the underscore. */
function mayHaveTypes({ source }: JsonText): boolean {
  return (
    source.includes('__type__') ||
    (source.includes('\\u00') && ESCAPES.some((escape) => source.includes(escape)))
  );
}

const ESCAPES = ['\\u005', '\\u006', '\\u007'];
