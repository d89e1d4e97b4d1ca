import { v4 as uuid } from 'uuid';
import { parseExact, type ExactValue } from '../json/exactJson.js';
import type { JsonPart } from '../json/jsonDocument.js';
import type { CeleryClient } from './client.js';
import { compress, GZIP } from './compression.js';
import { isRefusal, within } from './connection.js';
import { taskSentChannel, taskSentEvent } from './events.js';
import { findUnreadable } from './kombuTypes.js';
import { envelope, taskMessage, type Message, type Sender, type Task } from './message.js';
import { queueBinding, queueKey } from './redisKeys.js';

/**
 * What became of a message. `queued` is true to the fact: `yes` (Redis has acknowledged it), `no` (it
 * is in no queue and never will be), or `unknown` (sent, but never acknowledged: it may run). `reason`
 * is for the caller, `cause` for the log; `pointer` says where in the params the reason is.
 */
export type SendOutcome =
  | { queued: 'yes' }
  | { queued: 'no' | 'unknown'; reason: string; cause?: unknown }
  | { queued: 'no'; reason: string; pointer: string };

export type SendTask = (task: Task, milliseconds: number) => Promise<SendOutcome>;

export interface ProducerOptions {
  /** Before every key and channel (`global_keyprefix` of kombu's transport options); may be empty. */
  keyPrefix: string;
  /** The database of the broker, by its number. */
  database: number;
  sender: Sender & { processId: number };
  /** Bodies of at least so many bytes are compressed; Infinity for none. */
  compressionThreshold: number;
  sendsEvents: boolean;
  /** Called when Redis begins to refuse events; the tasks are in their queues all the same. */
  onEventRefused: (cause: Error) => void;
}

/** Returns the function that publishes a task and waits for Redis, `milliseconds` at most. */
export function createProducer(client: CeleryClient, options: ProducerOptions): SendTask {
  const { broker, celery } = client;
  const { keyPrefix, sender } = options;
  const channel = `${keyPrefix}${taskSentChannel(options.database)}`;
  const declare = createDeclaration(client, keyPrefix);
  let clock = 0;
  let wasRefused = false;

  const publishEvent = (payload: string): void => {
    broker.redis.publish(channel, payload).then(
      () => {
        wasRefused = false;
      },
      (error: unknown) => {
        // An event lost with its connection is no news: the connection's own loss has been told.
        if (isRefusal(error) && !wasRefused) {
          wasRefused = true;
          options.onEventRefused(error);
        }
      },
    );
  };

  return async (task, milliseconds) => {
    const deadline = performance.now() + milliseconds;
    const pointer = unreadablePart(task.params);
    if (pointer !== undefined) {
      return {
        queued: 'no',
        reason:
          'has a __type__ and a __value__ in no form that kombu writes, so that a worker may not read it',
        pointer,
      };
    }
    const message = await compressed(taskMessage(celery, task, sender), options);
    const payload = envelope(message, uuid());

    const connected = await broker.untilReady(deadline - performance.now());
    if (!connected || !broker.redis.stream.writable) {
      return { queued: 'no', reason: "the message broker can't be reached" };
    }
    declare(task.queue);
    const pushed = broker.redis
      .lpush(`${keyPrefix}${queueKey(task.queue, task.priority)}`, payload)
      .then(() => {
        if (options.sendsEvents) {
          clock += 1;
          publishEvent(envelope(taskSentEvent(task, message, sender, clock), uuid()));
        }
        return { queued: 'yes' } as const;
      }, outcomeOfFailure);
    const outcome = await within(deadline - performance.now(), pushed);
    return (
      outcome ?? { queued: 'unknown', reason: 'the message broker did not acknowledge in time' }
    );
  };
}

/**
 * Returns the function that binds a queue to its exchange, once per connection as kombu does. Whether that
 * succeeds decides nothing: messages are delivered by the queue's key alone.
 */
function createDeclaration({ broker }: CeleryClient, keyPrefix: string): (queue: string) => void {
  const declared = new Set<string>();
  broker.redis.on('ready', () => {
    declared.clear();
  });

  return (queue) => {
    if (declared.has(queue)) {
      return;
    }
    declared.add(queue);
    const { keys, member } = queueBinding(queue);
    for (const key of keys) {
      broker.redis.sadd(`${keyPrefix}${key}`, member).catch(() => declared.delete(queue));
    }
  };
}

/** Compresses a large body, as `Producer._prepare` of kombu/messaging.py does. */
async function compressed(
  message: Message,
  { compressionThreshold }: ProducerOptions,
): Promise<Message> {
  if (Buffer.byteLength(message.body) < compressionThreshold) {
    return message;
  }
  const headers = { ...message.headers, compression: GZIP };
  return { ...message, headers, body: await compress(message.body) };
}

/** Where a worker's kombu may fail on these params, which are well-formed JSON. */
function unreadablePart({ text, value, isPlain }: JsonPart): string | undefined {
  // A key may be written in escapes: of ASCII's letters and of the underscore.
  if (!text.includes('__type__') && !/\\u00[4-7]/.test(text)) {
    return undefined;
  }
  const exact = isPlain ? parseExact(text, { allowsInfinity: false }) : (value as ExactValue);
  return findUnreadable(exact);
}

function outcomeOfFailure(cause: unknown): SendOutcome {
  if (isRefusal(cause)) {
    return { queued: 'no', reason: 'the message broker refused it', cause };
  }
  return { queued: 'unknown', reason: 'the connection to the message broker was cut', cause };
}
