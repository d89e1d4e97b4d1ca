/** Bound of the cache. Texts may come from clients, so it is emptied when full. */
const MOST_TEXTS = 1_000;

/**
 * The same function, which keeps what it has made of a text: for texts of which there are few, such as names
 * of queues, and results that take longer to make than to look up. A result must never change.
 */
export function remembered<Made>(make: (text: string) => Made): (text: string) => Made {
  const kept = new Map<string, Made>();
  return (text) => {
    let made = kept.get(text);
    if (made === undefined) {
      made = make(text);
      if (kept.size >= MOST_TEXTS) {
        kept.clear();
      }
      kept.set(text, made);
    }
    return made;
  };
}
