let millisecond = 0;
let text = new Date(millisecond).toISOString();

/**
 * This moment as `2026-01-31T09:30:00.000Z`. To write one takes longer than all else that a line of the log
 * needs, so it is kept for as long as it holds.
 */
export function timestamp(): string {
  const now = Date.now();
  if (now !== millisecond) {
    millisecond = now;
    text = new Date(now).toISOString();
  }
  return text;
}
