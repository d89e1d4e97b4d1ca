/**
 * Something that the caller can mend: the message says what is wrong and what to do, and is shown without a
 * stack.
 */
export class ShadowError extends Error {
  override readonly name = 'ShadowError';
}
