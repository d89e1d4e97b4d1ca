import type { Connection } from '../../redis/connection.js';
import { createSubscriptions } from '../../redis/subscriptions.js';
import { eventChannels, readEvents, type ReceivedEvent } from '../wire/receivedEvents.js';
import type { Broadcast, ControlOptions } from './control.js';

export interface EventListenerOptions extends ControlOptions {
  /** As in the settings of the broker's connection. */
  silenceMs: number;
  broadcast: Broadcast;
  receive: (event: ReceivedEvent) => void;
  /** Events are heard from now on. Those before, since the last one that was heard, may have been missed. */
  heard: () => void;
  /** Redis does not let this user listen. */
  refused: (reason: string) => void;
}

/**
 * Listens to the events of tasks and workers, and has the workers send them (`enable_events` of celery/worker/control.py):
 * now, and each one that starts, as a worker without `-E` sends none.
 *
 * @returns what says goodbye to Redis, within so many milliseconds
 */
export function listenToEvents(
  open: () => Connection,
  options: EventListenerOptions,
): (milliseconds: number) => Promise<void> {
  const { keyPrefix, database, silenceMs, broadcast, receive, heard, refused } = options;
  const channels = eventChannels(database).map((channel) => `${keyPrefix}${channel}`);
  const subscriptions = createSubscriptions(
    open,
    {
      subscribed() {
        heard();
        void broadcast('enable_events');
      },
      message(_channel, payload) {
        for (const event of readEvents(payload.toString())) {
          receive(event);
          if (event.type === 'worker-online') {
            void broadcast('enable_events');
          }
        }
      },
      refused,
    },
    silenceMs,
  );
  channels.forEach(subscriptions.add);
  return subscriptions.close;
}
