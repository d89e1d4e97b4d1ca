import { parseExact, type ExactValue } from '../../json/exactJson.js';
import type { JsonPart } from '../../json/jsonDocument.js';
import { findUnreadable } from './kombuTypes.js';

/** Where in a part of a message, which is well-formed JSON, a worker's kombu may fail: a JSON pointer into it. */
export type FindUnreadable = (part: JsonPart) => string | undefined;

export const unreadableAt: FindUnreadable = ({ text, value, isPlain }) => {
  // A key may be written in escapes: of ASCII's letters and of the underscore.
  if (!text.includes('__type__') && !/\\u00[4-7]/.test(text)) {
    return undefined;
  }
  const exact = isPlain ? parseExact(text, { allowsInfinity: false }) : (value as ExactValue);
  return findUnreadable(exact);
};
