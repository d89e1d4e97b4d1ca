import type { Message, Sender, Task } from './message.js';
import { fanoutChannel } from './redisKeys.js';

/** The exchange of events (`event_exchange` of celery/app/defaults.py). */
const EXCHANGE = 'celeryev';
const ROUTING_KEY = 'task.sent';

/** The channel on which Flower and `celery events` hear of sent tasks. */
export function taskSentChannel(database: number): string {
  return fanoutChannel(database, EXCHANGE, ROUTING_KEY);
}

/**
 * The event `task-sent`: what `as_task_v2` and `send_task_message` of celery/app/amqp.py tell of a
 * message, dressed by `EventDispatcher.publish` of celery/events/dispatcher.py.
 *
 * @param clock a logical clock, forwarded with every event of this process
 */
export function taskSentEvent(
  task: Task,
  { headers }: Message,
  sender: Sender & { processId: number },
  clock: number,
): Message {
  const event = {
    hostname: sender.origin,
    utcoffset: hoursWestOfUtc(),
    pid: sender.processId,
    clock,
    uuid: task.id,
    root_id: headers.root_id,
    parent_id: headers.parent_id,
    name: task.name,
    args: headers.argsrepr,
    kwargs: headers.kwargsrepr,
    retries: headers.retries,
    eta: headers.eta,
    expires: headers.expires,
    queue: task.queue,
    exchange: '',
    routing_key: task.queue,
    // In seconds.
    timestamp: Date.now() / 1_000,
    type: 'task-sent',
  };
  return {
    headers: { hostname: sender.origin },
    properties: {
      // Transient, as nobody misses an event that nobody heard.
      delivery_mode: 1,
      delivery_info: { exchange: EXCHANGE, routing_key: ROUTING_KEY },
      priority: 0,
    },
    body: JSON.stringify(event),
  };
}

/** `utcoffset` of celery/utils/time.py. */
function hoursWestOfUtc(): number {
  return new Date().getTimezoneOffset() / 60;
}
