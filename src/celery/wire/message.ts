import { JsonText, LARGE_BYTES, quoted } from '../../json/jsonText.js';
import { GZIP } from './compression.js';
import { listRepr, saferepr } from '../python/saferepr.js';

/** One task to send: the Celery protocol's words (celery/app/amqp.py, `as_task_v2`). */
export interface Task {
  id: string;
  name: string;
  queue: string;
  arguments: TaskArguments;
  /** The same as they are shown, without what is secret: in representations and events. */
  shown: TaskArguments;
  /** 0 to 9; on Redis, 0 is served first. */
  priority: number;
  /** Options of its sender; undefined for none. */
  options: TaskOptions | undefined;
  /** More headers, by which whoever runs it continues a trace. */
  traceHeaders?: Readonly<Record<string, string>> | undefined;
}

/** What a task is called with, as the exact JSON that was sent. */
export type TaskArguments =
  /** One positional argument, and no other. */
  | { only: JsonText }
  /** A list and an object. */
  | { args: JsonText; kwargs: JsonText };

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
  /** The representations of its positional and its keyword arguments. */
  argsrepr: string;
  kwargsrepr: string;
}

export function taskTexts({ id, shown }: Task): TaskTexts {
  return {
    id: JSON.stringify(id),
    argsrepr: JSON.stringify('only' in shown ? listRepr(shown.only) : argsrepr(shown.args)),
    kwargsrepr: 'only' in shown ? '"{}"' : JSON.stringify(saferepr(shown.kwargs)),
  };
}

/** `as_task_v2` shows an empty list as the empty tuple that it puts in its place. */
function argsrepr(args: JsonText): string {
  const text = saferepr(args);
  return text === '[]' ? '()' : text;
}

/**
 * The message of a task in Celery's protocol version 2, in the order of `as_task_v2` in celery/app/amqp.py.
 *
 * @param compressedBody the body as `compress` makes it, where it is to be compressed
 */
export function taskMessage(
  task: Task,
  texts: TaskTexts,
  sender: Sender,
  compressedBody?: Buffer,
): Message {
  const { options } = task;
  const { id } = texts;
  return {
    headers: new JsonText(
      `{"lang":"js","task":${quoted(task.name)},"id":${id},"shadow":null,` +
        (options === undefined ? UNLIMITED : limits(options)) +
        `"root_id":${id},"parent_id":null,"argsrepr":${texts.argsrepr},"kwargsrepr":${texts.kwargsrepr},` +
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

const BEFORE_ONLY = Buffer.from('[[');
const CALLBACKS = ', {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]';
const AFTER_ONLY = Buffer.from(`], {}${CALLBACKS}`);
const BEFORE_ARGS = Buffer.from('[');
const BEFORE_KWARGS = Buffer.from(', ');
const AFTER_KWARGS = Buffer.from(CALLBACKS);

/** The task's arguments, in UTF-8 and in pieces. */
export function taskBody(task: Task): readonly Buffer[] {
  const given = task.arguments;
  const pieces =
    'only' in given
      ? [BEFORE_ONLY, given.only.bytes, AFTER_ONLY]
      : [BEFORE_ARGS, given.args.bytes, BEFORE_KWARGS, given.kwargs.bytes, AFTER_KWARGS];
  return taskBodyLength(task) < LARGE_BYTES ? [Buffer.concat(pieces)] : pieces;
}

/** In bytes. */
export function taskBodyLength({ arguments: given }: Task): number {
  return 'only' in given
    ? BEFORE_ONLY.length + given.only.byteLength + AFTER_ONLY.length
    : given.args.byteLength + given.kwargs.byteLength + AROUND_KWARGS;
}

const AROUND_KWARGS = BEFORE_ARGS.length + BEFORE_KWARGS.length + AFTER_KWARGS.length;

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
