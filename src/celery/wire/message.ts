import { JsonText, LARGE_BYTES, quoted } from '../../json/jsonText.js';
import { GZIP } from './compression.js';
import { argsrepr } from '../python/saferepr.js';

/** One task to send: the Celery protocol's words (celery/app/amqp.py, `as_task_v2`). */
export interface Task {
  id: string;
  name: string;
  queue: string;
  /** The only positional argument. */
  params: JsonText;
  /** The params as they are shown, without what is secret: in representations and events. */
  shown: JsonText;
  /** 0 to 9; on Redis, 0 is served first. */
  priority: number;
  /** Options of its sender; undefined for none. */
  options: TaskOptions | undefined;
  /** More headers, by which whoever runs it continues a trace. */
  traceHeaders?: Readonly<Record<string, string>> | undefined;
}

/** The options of `apply_async` that stand in a message's headers. */
export interface TaskOptions {
  /** Not to be started before; in milliseconds since 1970. */
  eta: number | undefined;
  expires: Expiry | undefined;
  /** In seconds of its run. */
  timeLimit: number | undefined;
  softTimeLimit: number | undefined;
  /** More headers, by names that are none of Celery's own. Each value is JSON. */
  headers: ReadonlyMap<string, string>;
}

/** When a task is not to be started any more. */
export interface Expiry {
  /** In milliseconds since 1970. */
  at: number;
  /** How many seconds that is from now, as its sender counts. */
  seconds: number;
}

/** The sender: the same for all messages of a process. */
export interface Sender {
  /** Named in messages and events, `orchestrator@host`. */
  origin: string;
  /** Names a queue for replies that nobody reads, as the result backend is Redis. */
  replyTo: string;
}

/** Headers and properties are JSON already: to make objects of them and then their text takes three times as long. */
export interface Message {
  headers: JsonText;
  /** Without what differs each time that a message is sent, which `envelope` adds. */
  properties: JsonText;
  /** Before it becomes base64: pieces that follow each other. */
  body: readonly Buffer[];
}

/** The JSON that a task's message shares with its event `task-sent`. */
export interface TaskTexts {
  id: string;
  /** The representation of its arguments. */
  argsrepr: string;
}

export function taskTexts({ id, shown }: Task): TaskTexts {
  return {
    id: JSON.stringify(id),
    argsrepr: JSON.stringify(argsrepr(shown)),
  };
}

/**
 * The message of a task in Celery's protocol version 2, in the order of `as_task_v2` in celery/app/amqp.py.
 *
 * @param compressedBody the body as `compress` makes it, where it is to be compressed
 */
export function taskMessage(
  task: Task,
  { id, argsrepr }: TaskTexts,
  sender: Sender,
  compressedBody?: Buffer,
): Message {
  const { options } = task;
  return {
    headers: new JsonText(
      `{"lang":"js","task":${quoted(task.name)},"id":${id},"shadow":null,` +
        (options === undefined ? UNLIMITED : limits(options)) +
        `"root_id":${id},"parent_id":null,"argsrepr":${argsrepr},"kwargsrepr":"{}",` +
        `"origin":${quoted(sender.origin)},"ignore_result":null,"replaced_task_nesting":0,` +
        `"stamped_headers":null,"stamps":{}${compressedBody === undefined ? '' : COMPRESSION}` +
        (options === undefined ? '' : moreHeaders(options)) +
        (task.traceHeaders === undefined ? '}' : `${members(task.traceHeaders)}}`),
    ),
    properties: new JsonText(
      `{"correlation_id":${id},"reply_to":${quoted(sender.replyTo)},` +
        // `DEFAULT_DELIVERY_MODE` of kombu/entity.py: persistent.
        '"delivery_mode":2,' +
        // The plain queue whatever the list's key: a worker that shuts down puts messages back by it.
        `"delivery_info":{"exchange":"","routing_key":${quoted(task.queue)}},` +
        `"priority":${task.priority}${options === undefined ? '' : expiration(options)}}`,
    ),
    body: compressedBody === undefined ? taskBody(task) : [compressedBody],
  };
}

const UNLIMITED =
  '"eta":null,"expires":null,"group":null,"group_index":null,"retries":0,"timelimit":[null,null],';

function limits({ eta, expires, timeLimit, softTimeLimit }: TaskOptions): string {
  return (
    `"eta":${dateText(eta)},"expires":${dateText(expires?.at)},"group":null,"group_index":null,` +
    `"retries":0,"timelimit":[${timeLimit ?? null},${softTimeLimit ?? null}],`
  );
}

/** JSON of a moment, as `isoformat` of a datetime in UTC writes it. */
export function dateText(moment: number | undefined): string {
  if (moment === undefined) {
    return 'null';
  }
  // Six digits of a second, or none.
  const text = new Date(moment).toISOString().replace(/Z$/, '000').replace('.000000', '');
  return `"${text}+00:00"`;
}

/** Behind all others, as `send_task_message` of celery/app/amqp.py adds them. */
function moreHeaders({ headers }: TaskOptions): string {
  return Array.from(headers, ([name, value]) => `,${JSON.stringify(name)}:${value}`).join('');
}

/** In milliseconds, as a text (`Producer.publish` of kombu/messaging.py). */
function expiration({ expires }: TaskOptions): string {
  return expires === undefined ? '' : `,"expiration":"${Math.trunc(expires.seconds * 1_000)}"`;
}

const COMPRESSION = `,"compression":"${GZIP}"`;

/** Further members of a JSON object that has some already. */
function members(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join('');
}

const BEFORE_PARAMS = Buffer.from('[[');
/** There are no keyword arguments and no callbacks. */
const AFTER_PARAMS = Buffer.from(
  '], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]',
);

/** The task's arguments, in UTF-8 and in pieces. */
export function taskBody({ params: { bytes } }: Task): readonly Buffer[] {
  const pieces = [BEFORE_PARAMS, bytes, AFTER_PARAMS];
  return bytes.length < LARGE_BYTES ? [Buffer.concat(pieces)] : pieces;
}

/** In bytes. */
export function taskBodyLength({ params }: Task): number {
  return BEFORE_PARAMS.length + params.byteLength + AFTER_PARAMS.length;
}

/**
 * The text that goes into Redis (`Channel.prepare_message` and `_inplace_augment_message` of
 * kombu/transport/virtual/base.py); of a large body, its bytes.
 *
 * @param deliveryTag must be unique: a worker loses a message without one
 */
export function envelope(
  { headers, properties, body }: Message,
  deliveryTag: string,
): string | Buffer {
  const before = '{"body":"';
  const after =
    `","content-encoding":"utf-8","content-type":"application/json","headers":${headers.text},` +
    `"properties":${properties.text.slice(0, -1)},"body_encoding":"base64","delivery_tag":"${deliveryTag}"}}`;
  const [first, ...more] = body;
  return more.length === 0 && first !== undefined && first.length < LARGE_BYTES
    ? `${before}${first.toString('base64')}${after}`
    : inBase64(before, body, after);
}

/**
 * Three bytes are four characters. A string of more than 128 kB gets memory of its own from the system each time, which
 * takes several times as long as to write it: parts of it don't.
 */
const PART_BYTES = 48 * 1024;
const part = Buffer.allocUnsafe(PART_BYTES);

function inBase64(before: string, body: readonly Buffer[], after: string): Buffer {
  const length = body.reduce((sum, piece) => sum + piece.length, 0);
  const bytes = Buffer.allocUnsafe(
    before.length + 4 * Math.ceil(length / 3) + Buffer.byteLength(after),
  );
  let end = bytes.write(before);
  let filled = 0;
  const writePart = (): void => {
    end += bytes.write(part.toString('base64', 0, filled), end, 'latin1');
    filled = 0;
  };
  for (const piece of body) {
    for (let start = 0; start < piece.length;) {
      const count = piece.copy(part, filled, start);
      start += count;
      filled += count;
      if (filled === PART_BYTES) {
        writePart();
      }
    }
  }
  writePart();
  bytes.write(after, end);
  return bytes;
}
