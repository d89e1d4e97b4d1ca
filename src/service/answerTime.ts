/** What is left for Redis of the milliseconds that a client waits for its answer. */
export function withinAnswerTime(milliseconds: number): number {
  return Math.floor(milliseconds * 0.95);
}
