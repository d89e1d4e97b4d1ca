import { dateText, type Message, type Sender, type Task, type TaskOptions } from './message.js';
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
 * @param argsrepr JSON of the representation of its arguments
 * @param clock a logical clock, forwarded with every event of this process
 */
export function taskSentEvent(
  task: Task,
  argsrepr: string,
  sender: Sender & { processId: number },
  clock: number,
): Message {
  const { options } = task;
  const id = JSON.stringify(task.id);
  const hostname = JSON.stringify(sender.origin);
  const queue = JSON.stringify(task.queue);
  return {
    headers: `{"hostname":${hostname}}`,
    properties: PROPERTIES,
    body:
      `{"hostname":${hostname},"utcoffset":${hoursWestOfUtc()},"pid":${sender.processId},` +
      `"clock":${clock},"uuid":${id},"root_id":${id},"parent_id":null,` +
      `"name":${JSON.stringify(task.name)},"args":${argsrepr},"kwargs":"{}",` +
      `"retries":0,${options === undefined ? UNLIMITED : limits(options)},"queue":${queue},"exchange":"",` +
      // In seconds.
      `"routing_key":${queue},"timestamp":${Date.now() / 1_000},"type":"task-sent"}`,
  };
}

const UNLIMITED = '"eta":null,"expires":null';

function limits({ eta, expires }: TaskOptions): string {
  return `"eta":${dateText(eta)},"expires":${dateText(expires?.at)}`;
}

/** Transient (delivery mode 1), as nobody misses an event that nobody heard. */
const PROPERTIES =
  '{"delivery_mode":1,' +
  `"delivery_info":{"exchange":"${EXCHANGE}","routing_key":"${ROUTING_KEY}"},"priority":0`;

/** `utcoffset` of celery/utils/time.py. */
function hoursWestOfUtc(): number {
  return new Date().getTimezoneOffset() / 60;
}
