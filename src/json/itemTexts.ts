import {
  CLOSING_BRACE,
  CLOSING_BRACKET,
  COMMA,
  endOfString,
  OPENING_BRACE,
  OPENING_BRACKET,
  QUOTE,
} from './characters.js';

/** Returns the text of each item of a JSON list, which must not be empty. JSON.parse must have accepted it. */
export function itemTexts(text: string): readonly string[] {
  const items: string[] = [];
  let start = text.indexOf('[') + 1;
  let depth = 1;
  for (let position = start; depth > 0; position += 1) {
    const code = text.charCodeAt(position);
    if (code === QUOTE) {
      position = endOfString(text, position) - 1;
    } else if (code === OPENING_BRACE || code === OPENING_BRACKET) {
      depth += 1;
    } else if (code === CLOSING_BRACE || code === CLOSING_BRACKET) {
      depth -= 1;
    }
    if ((depth === 1 && code === COMMA) || depth === 0) {
      items.push(text.slice(start, position));
      start = position + 1;
    }
  }
  return items;
}
