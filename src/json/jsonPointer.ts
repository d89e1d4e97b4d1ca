/** A key or an index as a part of a JSON pointer: `/a~1b` (RFC 6901, section 3). */
export function pointerPart(key: string | number): string {
  return `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
