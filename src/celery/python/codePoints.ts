/** `truncate` of celery/utils/text.py: cuts back to the last space before `length`. */
export function truncate(text: string, length: number): string {
  // No code point takes more than two code units.
  if (text.length < length || (text.length < 2 * length && lengthOf(text) < length)) {
    return text;
  }
  const cut = firstCodePoints(text, length);
  const space = cut.lastIndexOf(' ');
  return `${space < 0 ? cut : cut.slice(0, space)}...`;
}

/** Python counts code points, JavaScript UTF-16 code units. */
export function lengthOf(text: string): number {
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
