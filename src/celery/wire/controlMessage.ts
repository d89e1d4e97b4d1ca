import { JsonText } from '../../json/jsonText.js';
import { envelope } from './message.js';
import { fanoutBinding, fanoutChannel, replyQueue, type ListNaming } from './keys.js';
import { fieldsOf, readMessage } from './received.js';

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

/** Where the workers' replies to what `id` has asked go. */
export function controlReplyQueue(
  id: string,
  naming: Pick<ListNaming, 'separator'>,
): ReturnType<typeof replyQueue> {
  return replyQueue(id, REPLY_EXCHANGE, naming);
}

/**
 * The set in which kombu keeps the workers that listen to commands, and the member of the one with this hostname: as long
 * as it runs, and for ever where it was killed (`Mailbox.get_queue` of kombu/pidbox.py).
 */
export function workerBinding(
  hostname: string,
  naming: Pick<ListNaming, 'separator'>,
): ReturnType<typeof fanoutBinding> {
  return fanoutBinding(EXCHANGE, `${hostname}.${EXCHANGE}`, naming);
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
  const message = readMessage(text);
  const [entry] = Object.entries(fieldsOf(message?.body));
  const ticket = message?.headers.ticket;
  return (
    entry && {
      hostname: entry[0],
      ticket: typeof ticket === 'string' ? ticket : undefined,
      value: entry[1],
    }
  );
}
