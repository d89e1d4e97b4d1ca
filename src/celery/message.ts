import type { JsonPart } from '../json/jsonDocument.js';
import { GZIP } from './compression.js';

/** One task to send: the Celery protocol's words (celery/app/amqp.py, `as_task_v2`). */
export interface Task {
  id: string;
  name: string;
  queue: string;
  /** The only positional argument. */
  params: JsonPart;
  /** The value of the params wherever they are shown, without what is secret: in representations and events. */
  shown: unknown;
  /** 0 to 9; on Redis, 0 is served first. */
  priority: number;
  /** More headers, by which whoever runs it continues a trace. */
  traceHeaders?: Readonly<Record<string, string>> | undefined;
}

/** Who sends: the same for all messages of a process. */
export interface Sender {
  /** Named in messages and events, `orchestrator@host`. */
  origin: string;
  /** Names a queue for replies that nobody reads, as the result backend is Redis. */
  replyTo: string;
}

/** Headers and properties are JSON already: to make objects of them and then their text takes three times as long. */
export interface Message {
  headers: string;
  /** Without its last brace: what differs each time that a message is sent follows. */
  properties: string;
  /** Before it becomes base64. */
  body: string | Buffer;
}

/**
 * The message of a task in Celery's protocol version 2, in the order of `as_task_v2` in celery/app/amqp.py.
 *
 * @param argsrepr JSON of the representation of its arguments
 * @param compressedBody the body as `compress` makes it, where it is to be compressed
 */
export function taskMessage(
  task: Task,
  argsrepr: string,
  sender: Sender,
  compressedBody?: Buffer,
): Message {
  const id = JSON.stringify(task.id);
  return {
    headers:
      `{"lang":"js","task":${JSON.stringify(task.name)},"id":${id},"shadow":null,"eta":null,` +
      '"expires":null,"group":null,"group_index":null,"retries":0,"timelimit":[null,null],' +
      `"root_id":${id},"parent_id":null,"argsrepr":${argsrepr},"kwargsrepr":"{}",` +
      `"origin":${JSON.stringify(sender.origin)},"ignore_result":null,"replaced_task_nesting":0,` +
      `"stamped_headers":null,"stamps":{}${compressedBody === undefined ? '' : COMPRESSION}` +
      `${task.traceHeaders === undefined ? '' : members(task.traceHeaders)}}`,
    properties:
      `{"correlation_id":${id},"reply_to":${JSON.stringify(sender.replyTo)},` +
      // `DEFAULT_DELIVERY_MODE` of kombu/entity.py: persistent.
      '"delivery_mode":2,' +
      // The plain queue whatever the list's key: a worker that shuts down puts messages back by it.
      `"delivery_info":{"exchange":"","routing_key":${JSON.stringify(task.queue)}},` +
      `"priority":${task.priority}`,
    body: compressedBody ?? taskBody(task),
  };
}

const COMPRESSION = `,"compression":"${GZIP}"`;

/** Of a JSON object that has some already. */
function members(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join('');
}

/** The task's arguments; it has no callbacks. */
export function taskBody({ params }: Task): string {
  return `[[${params.text}], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]`;
}

/**
 * The text that goes into Redis (`Channel.prepare_message` and `_inplace_augment_message` of
 * kombu/transport/virtual/base.py).
 *
 * @param deliveryTag must be unique: a worker loses a message without one
 */
export function envelope({ headers, properties, body }: Message, deliveryTag: string): string {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return (
    `{"body":"${bytes.toString('base64')}","content-encoding":"utf-8",` +
    `"content-type":"application/json","headers":${headers},` +
    `"properties":${properties},"body_encoding":"base64","delivery_tag":"${deliveryTag}"}}`
  );
}
