/** A question by its key, and the callers that wait for its answer. */
interface Waiting<Asked, Answer> {
  asked: Asked;
  resolvers: ((answer: Answer) => void)[];
}

/**
 * Returns the function that asks: one run at a time, and those who ask meanwhile share the next one.
 *
 * @param most how many keys one run asks for
 * @param run gets what is asked for by its key, and gives the function that answers each. It must not reject.
 */
export function shareNext<Asked, Answer>(
  most: number,
  run: (asked: ReadonlyMap<string, Asked>) => Promise<(key: string) => Answer>,
): (key: string, asked: Asked) => Promise<Answer> {
  const waiting = new Map<string, Waiting<Asked, Answer>>();
  let isRunning = false;

  const runAll = async (): Promise<void> => {
    while (waiting.size > 0) {
      const taken = [...waiting].slice(0, most);
      for (const [key] of taken) {
        waiting.delete(key);
      }
      const answerTo = await run(new Map(taken.map(([key, { asked }]) => [key, asked])));
      for (const [key, { resolvers }] of taken) {
        const answer = answerTo(key);
        for (const resolve of resolvers) {
          resolve(answer);
        }
      }
    }
    isRunning = false;
  };

  return (key, asked) =>
    new Promise((resolve) => {
      const resolvers = waiting.get(key)?.resolvers ?? [];
      resolvers.push(resolve);
      waiting.set(key, { asked, resolvers });
      if (!isRunning) {
        isRunning = true;
        void runAll();
      }
    });
}
