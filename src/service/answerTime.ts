/** The part of a client's waiting time that Redis may use: the rest is for the answer's own way. */
export function withinAnswerTime(milliseconds: number): number {
  return Math.floor(milliseconds * 0.95);
}
