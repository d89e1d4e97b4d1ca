import { parseExact, writeExact } from '../../json/exactJson.js';
import { JsonText } from '../../json/jsonText.js';
import { withoutKombuObjects } from '../python/kombuTypes.js';
import { envelope } from './message.js';
import { fanoutChannel, replyQueue, type ListNaming } from './keys.js';

/** `control_exchange` of celery/app/defaults.py, and what `Mailbox` of kombu/pidbox.py makes of it. */
const EXCHANGE = 'celery.pidbox';
const REPLY_EXCHANGE = 'reply.celery.pidbox';

/** A command for the workers (`Mailbox._publish` of kombu/pidbox.py). */
export interface ControlCommand {
  /** A command of celery/worker/control.py, such as `registered`. */
  method: string;
  /** Its keyword arguments. */
  arguments: object;
  /** The workers that are to run it, by their hostnames; undefined for all. */
  destination: readonly string[] | undefined;
}

/** The channel on which every worker listens. */
export function controlChannel(database: number): string {
  return fanoutChannel(database, EXCHANGE, '');
}

/** The set in which kombu keeps the workers' queues for commands (`Channel._queue_bind` of kombu/transport/redis.py). */
export const controlBinding = `_kombu.binding.${EXCHANGE}`;

/** Where the workers' replies to what `id` has asked go. */
export function controlReplyQueue(
  id: string,
  naming: Pick<ListNaming, 'separator'>,
): ReturnType<typeof replyQueue> {
  return replyQueue(id, REPLY_EXCHANGE, naming);
}

/**
 * The text that is published: what `app.control.broadcast(..., reply=True)` sends.
 *
 * @param reply.ticket comes back with each reply; `id` names the queue for them
 * @param expires until when it is worth a reply, in seconds since 1970
 */
export function controlMessage(
  { method, arguments: values, destination }: ControlCommand,
  reply: { ticket: string; id: string },
  times: { clock: number; expires: number; deliveryTag: string },
): string {
  const body = JSON.stringify({
    method,
    arguments: values,
    destination: destination ?? null,
    pattern: null,
    matcher: null,
    ticket: reply.ticket,
    reply_to: { exchange: REPLY_EXCHANGE, routing_key: reply.id },
  });
  const headers = new JsonText(JSON.stringify({ clock: times.clock, expires: times.expires }));
  const message = { headers, properties: PROPERTIES, body: [Buffer.from(body)] };
  return envelope(message, times.deliveryTag).toString();
}

/** Persistent, as kombu's default is, though a channel keeps nothing. */
const PROPERTIES = new JsonText(
  '{"delivery_mode":2,' +
    `"delivery_info":{"exchange":"${EXCHANGE}","routing_key":""},"priority":0}`,
);

/** A worker's answer to a command. */
export interface ControlReply {
  hostname: string;
  ticket: string | undefined;
  value: unknown;
}

/** Reads what a worker has put into the queue (`Node.reply` of kombu/pidbox.py); undefined if it is no reply. */
export function readControlReply(text: string): ControlReply | undefined {
  const message = parse(text);
  const { ticket } = fieldsOf(fieldsOf(message).headers);
  const { body } = fieldsOf(message);
  if (typeof body !== 'string') {
    return undefined;
  }
  const isEncoded = fieldsOf(fieldsOf(message).properties).body_encoding === 'base64';
  const answer = parse(isEncoded ? Buffer.from(body, 'base64').toString() : body);
  const [entry] = Object.entries(fieldsOf(answer));
  return (
    entry && {
      hostname: entry[0],
      ticket: typeof ticket === 'string' ? ticket : undefined,
      value: entry[1],
    }
  );
}

/** The members of what may be an object; of anything else, none. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return parsePython(text);
  }
}

/** Reads JSON that only Python writes: a task's arguments may hold NaN. */
function parsePython(text: string): unknown {
  try {
    const value = withoutKombuObjects(parseExact(text, { allowsInfinity: true }));
    return JSON.parse(writeExact(value));
  } catch {
    return undefined;
  }
}

/** The items of a list; any other value counts as an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
