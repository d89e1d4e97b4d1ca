/** `truncate` of celery/utils/text.py: cuts back to the last space before `length`. */
export function truncate(text: string, length: number): string {
  if (!isLonger(text, length - 1)) {
    return text;
  }
  const cut = firstCodePoints(text, length);
  const space = cut.lastIndexOf(' ');
  return `${space < 0 ? cut : cut.slice(0, space)}...`;
}

/** Whether a text has more code points than this. */
function isLonger(text: string, length: number): boolean {
  // No code point takes more than two code units.
  return text.length > 2 * length || (text.length > length && lengthOf(text) > length);
}

/** Python counts code points, JavaScript UTF-16 code units. */
export function lengthOf(text: string): number {
  let length = 0;
  for (let index = 0; index < text.length; index = afterCodePoint(text, index)) {
    length += 1;
  }
  return length;
}

function firstCodePoints(text: string, count: number): string {
  let end = 0;
  for (let taken = 0; taken < count && end < text.length; taken += 1) {
    end = afterCodePoint(text, end);
  }
  return text.slice(0, end);
}

/** Half a pair of surrogates is a code point of its own. */
function afterCodePoint(text: string, index: number): number {
  const isPair =
    isHighSurrogate(text.charCodeAt(index)) && isLowSurrogate(text.charCodeAt(index + 1));
  return index + (isPair ? 2 : 1);
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}
