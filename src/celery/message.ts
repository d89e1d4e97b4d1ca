import type { createClient } from 'celery-node';
import type { JsonPart } from '../json/jsonDocument.js';
import { saferepr } from './saferepr.js';

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
}

/** Who sends: the same for all messages of a process. */
export interface Sender {
  /** Named in messages and events, `orchestrator@host`. */
  origin: string;
  /** Names a queue for replies that nobody reads, as the result backend is Redis. */
  replyTo: string;
}

export interface Message {
  headers: Readonly<Record<string, unknown>>;
  properties: Readonly<Record<string, unknown>>;
  /** Before it becomes base64. */
  body: string | Buffer;
}

/**
 * The message of a task in Celery's protocol version 2: celery-node's, and what it leaves out, in the
 * order of `as_task_v2` in celery/app/amqp.py.
 */
export function taskMessage(
  client: ReturnType<typeof createClient>,
  task: Task,
  sender: Sender,
): Message {
  const base = client.createTaskMessage(task.id, task.name, [], {});
  const { lang, task: name, id } = base.headers as CeleryNodeHeaders;
  const { text, isPlain } = task.params;
  return {
    headers: {
      // One by one: V8 spreads an object of another shape slowly.
      lang,
      task: name,
      id,
      shadow: null,
      eta: null,
      expires: null,
      group: null,
      group_index: null,
      retries: 0,
      timelimit: [null, null],
      root_id: task.id,
      parent_id: null,
      argsrepr: saferepr([task.shown], isPlain),
      kwargsrepr: '{}',
      origin: sender.origin,
      ignore_result: null,
      replaced_task_nesting: 0,
      stamped_headers: null,
      stamps: {},
    },
    properties: {
      correlation_id: task.id,
      reply_to: sender.replyTo,
      // `DEFAULT_DELIVERY_MODE` of kombu/entity.py: persistent.
      delivery_mode: 2,
      // The plain queue whatever the list's key: a worker that shuts down puts messages back by it.
      delivery_info: { exchange: '', routing_key: task.queue },
      priority: task.priority,
    },
    body: `[[${text}], {}, ${EMBED}]`,
  };
}

/** What celery-node sends of the headers. */
interface CeleryNodeHeaders {
  lang: string;
  task: string;
  id: string;
}

/** The task's callbacks, of which it has none. */
const EMBED = '{"callbacks": null, "errbacks": null, "chain": null, "chord": null}';

/**
 * The text that goes into Redis (`Channel.prepare_message` and `_inplace_augment_message` of
 * kombu/transport/virtual/base.py).
 *
 * @param deliveryTag must be unique: a worker loses a message without one
 */
export function envelope({ headers, properties, body }: Message, deliveryTag: string): string {
  return JSON.stringify({
    body: (typeof body === 'string' ? Buffer.from(body) : body).toString('base64'),
    'content-encoding': 'utf-8',
    'content-type': 'application/json',
    headers,
    properties: { ...properties, body_encoding: 'base64', delivery_tag: deliveryTag },
  });
}
