import { JsonText, quoted } from '../../json/jsonText.js';
import {
  dateText,
  type Message,
  type Sender,
  type Task,
  type TaskOptions,
  type TaskTexts,
} from './message.js';
import { fanoutChannel } from './keys.js';

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
  { id, argsrepr, kwargsrepr }: TaskTexts,
  sender: Sender & { processId: number },
  clock: number,
): Message {
  const { options } = task;
  const hostname = quoted(sender.origin);
  const queue = quoted(task.queue);
  const now = Date.now();
  return {
    headers: new JsonText(`{"hostname":${hostname}}`),
    properties: PROPERTIES,
    body: [
      Buffer.from(
        `{"hostname":${hostname},"utcoffset":${hoursWestOfUtc(now)},"pid":${sender.processId},` +
          `"clock":${clock},"uuid":${id},"root_id":${id},"parent_id":null,` +
          `"name":${quoted(task.name)},"args":${argsrepr},"kwargs":${kwargsrepr},` +
          `"retries":0,${options === undefined ? UNLIMITED : limits(options)},` +
          `"queue":${queue},"exchange":"",` +
          // In seconds.
          `"routing_key":${queue},"timestamp":${now / 1_000},"type":"task-sent"}`,
      ),
    ],
  };
}

const UNLIMITED = '"eta":null,"expires":null';

function limits({ eta, expires }: TaskOptions): string {
  return `"eta":${dateText(eta)},"expires":${dateText(expires?.at)}`;
}

/** Transient (delivery mode 1), as nobody misses an event that nobody heard. */
const PROPERTIES = new JsonText(
  '{"delivery_mode":1,' +
    `"delivery_info":{"exchange":"${EXCHANGE}","routing_key":"${ROUTING_KEY}"},"priority":0}`,
);

/** `utcoffset` of celery/utils/time.py. */
function hoursWestOfUtc(now: number): number {
  return new Date(now).getTimezoneOffset() / 60;
}
