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
  /** Redis does not let this user listen. Told once. */
  refused: (reason: string) => void;
}

/**
 * Listens to the events of tasks and workers, and has the workers send them (`enable_events` of celery/worker/control.py),
 * as a worker without `-E` sends none: each one when its heartbeat is heard, until it has answered. It sends the first ones
 * before it listens to commands.
 *
 * @returns what says goodbye to Redis, within so many milliseconds
 */
export function listenToEvents(
  open: () => Connection,
  options: EventListenerOptions,
): (milliseconds: number) => Promise<void> {
  const { keyPrefix, database, silenceMs, broadcast, receive, heard, refused } = options;
  /** The workers that have been told, or are being told. */
  const told = new Set<string>();
  const tell = async (hostname: string): Promise<void> => {
    told.add(hostname);
    const answer = await broadcast('enable_events', {}, { destination: [hostname] });
    if ('reason' in answer || !answer.value.byWorker.has(hostname)) {
      told.delete(hostname);
    }
  };
  const channels = eventChannels(database).map((channel) => `${keyPrefix}${channel}`);
  const subscriptions = createSubscriptions(
    open,
    {
      subscribed: heard,
      message(_channel, payload) {
        for (const event of readEvents(payload.toString())) {
          receive(event);
          const { type, hostname } = event;
          if (type === 'worker-online' || type === 'worker-offline') {
            told.delete(hostname);
          } else if (type === 'worker-heartbeat' && !told.has(hostname)) {
            void tell(hostname);
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
