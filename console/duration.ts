/**
 * How long something took, in the two largest units that say something: `0.4 s`, `2 min 5 s`, `3 h 20 min`.
 *
 * @param milliseconds less than 0, where two clocks differ, reads as 0
 */
export function durationText(milliseconds: number): string {
  const seconds = Math.max(milliseconds, 0) / 1_000;
  if (seconds < 59.95) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes} min ${whole % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
