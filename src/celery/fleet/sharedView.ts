import type { Answer } from '../../redis/ask.js';

/** What the workers have said last, for all who ask. */
export interface SharedView<View> {
  /** Their answer, no older than so many milliseconds. Callers that ask at once share it. */
  (maximumAge: number): Promise<Answer<View>>;
  /** The last answer, however old. */
  latest: () => View | undefined;
  /** Whoever asks from now on gets a new answer: something has changed. */
  forget: () => void;
}

/** @param ask asks the workers; must not reject */
export function createSharedView<View extends { askedAt: number }>(
  ask: () => Promise<Answer<View>>,
): SharedView<View> {
  let latest: View | undefined;
  let asking: Promise<Answer<View>> | undefined;

  const begin = (): Promise<Answer<View>> => {
    const own = ask().then((answer) => {
      // One that was asked before something changed is forgotten.
      if (asking === own) {
        asking = undefined;
        latest = 'value' in answer ? answer.value : latest;
      }
      return answer;
    });
    return own;
  };
  const view = async (maximumAge: number): Promise<Answer<View>> => {
    if (latest !== undefined && performance.now() - latest.askedAt <= maximumAge) {
      return { value: latest };
    }
    asking ??= begin();
    return asking;
  };
  return Object.assign(view, {
    latest: () => latest,
    forget() {
      latest = undefined;
      asking = undefined;
    },
  });
}
