/**
 * A body that comes later, or in many parts: begins to give values to its only receiver, maybe at once, and
 * returns how to end it.
 */
export type Feed<Value> = (receiver: Receiver<Value>) => Flow;

export interface Receiver<Value> {
  next: (value: Value) => void;
  /** Nothing follows. With a failure, because something went wrong. */
  end: (failure?: unknown) => void;
}

export interface Flow {
  /** Nobody receives any more. */
  stop: () => void;
  /** Gives the only value now, as the service stops; absent where there are many. */
  giveNow?: () => void;
}
