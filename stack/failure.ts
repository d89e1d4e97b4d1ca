/**
 * A failure that the reader of the terminal can mend: its message says what is wrong and what to do,
 * so it is shown without a stack.
 */
export class QuickstartError extends Error {
  override name = 'QuickstartError';
}
