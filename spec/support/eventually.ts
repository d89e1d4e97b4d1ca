/**
 * Asks again and again until `probe` gives something, and returns it.
 *
 * @throws Error naming `what` when the deadline (milliseconds) has passed
 */
export async function eventually<Value>(
  what: string,
  probe: () => Promise<Value | undefined> | Value | undefined,
  deadline = 30_000,
): Promise<Value> {
  const end = performance.now() + deadline;
  for (;;) {
    const value = await probe();
    if (value !== undefined) {
      return value;
    }
    if (performance.now() > end) {
      throw new Error(`Not within ${deadline} ms: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
