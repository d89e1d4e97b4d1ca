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
import { fieldsOf, listOf, numberOf, readMessage } from './received.js';

/** The exchange of events (`event_exchange` of celery/app/defaults.py). */
const EXCHANGE = 'celeryev';
const ROUTING_KEY = 'task.sent';

/** The channel of the events of one type, whose routing key is `worker.heartbeat` for `worker-heartbeat`. */
export function eventChannel(database: number, routingKey: string): string {
  return fanoutChannel(database, EXCHANGE, routingKey);
}

/** The channel on which Flower and `celery events` hear of sent tasks. */
export function taskSentChannel(database: number): string {
  return eventChannel(database, ROUTING_KEY);
}

/** The channel on which workers tell every two seconds that they live, whether or not they send events of tasks. */
export function heartbeatChannel(database: number): string {
  return eventChannel(database, 'worker.heartbeat');
}

/** What a worker tells of itself with each heartbeat (`Heart._send` of celery/worker/heartbeat.py). */
export interface Heartbeat {
  hostname: string;
  /** `sw_ver`. */
  celeryVersion: string | undefined;
  /** Of its machine, over 1, 5 and 15 minutes. */
  loadAverage: readonly number[] | undefined;
  /** By its own clock, in seconds since 1970. */
  timestamp: number | undefined;
}

/** Reads a heartbeat; undefined for what is none. */
export function readHeartbeat(text: string): Heartbeat | undefined {
  const { hostname, sw_ver: version, loadavg, timestamp } = fieldsOf(readMessage(text)?.body);
  const loads = listOf(loadavg).filter((load) => numberOf(load) !== undefined) as number[];
  return typeof hostname === 'string'
    ? {
        hostname,
        celeryVersion: typeof version === 'string' ? version : undefined,
        loadAverage: loads.length === 3 ? loads : undefined,
        timestamp: numberOf(timestamp),
      }
    : undefined;
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
