import { parseExact, type ExactValue } from '../../json/exactJson.js';
import type { JsonText } from '../../json/jsonText.js';
import { findUnreadable, kombuObjectOf } from './kombuTypes.js';

/** What a worker's kombu makes of a part of a message, which is well-formed JSON. */
export interface KombuReading {
  /** Where in it kombu may fail: a JSON pointer. */
  unreadableAt: (part: JsonText) => string | undefined;
  /** Whether kombu makes another value than a dict of it, such as a date. */
  isTypedValue: (part: JsonText) => boolean;
}

export const kombuReading: KombuReading = {
  unreadableAt: (part) => (mayHaveTypes(part) ? findUnreadable(valueOf(part)) : undefined),
  isTypedValue: (part) => mayHaveTypes(part) && kombuObjectOf(valueOf(part)) !== undefined,
};

function valueOf({ text }: JsonText): ExactValue {
  return parseExact(text, { allowsInfinity: false });
}

/** Looks for kombu's `__type__`, which may be written in escapes: of small letters of ASCII and of the underscore. */
function mayHaveTypes({ source }: JsonText): boolean {
  return (
    source.includes('__type__') ||
    (source.includes('\\u00') && ESCAPES.some((escape) => source.includes(escape)))
  );
}

const ESCAPES = ['\\u005', '\\u006', '\\u007'];
