/** Rings at the earliest moment that was asked for since it rang last. */
export interface Alarm {
  /** @param moment as `performance.now()` counts */
  ringAt: (moment: number) => void;
}

/**
 * One timer for everything that waits: a timer for each of thousands costs more than what it waits for. `ring` must
 * find out what is late, and ask for the next moment.
 */
export function createAlarm(ring: () => void): Alarm {
  let timer: NodeJS.Timeout | undefined;
  let next = Infinity;

  return {
    ringAt(moment) {
      if (moment >= next) {
        return;
      }
      clearTimeout(timer);
      next = moment;
      timer = setTimeout(
        () => {
          next = Infinity;
          ring();
        },
        Math.max(0, moment - performance.now()),
      );
      // A client that waits for an answer has a connection, which keeps the process running.
      timer.unref();
    },
  };
}
