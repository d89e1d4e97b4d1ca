import { randomUUID } from 'node:crypto';
import { parseExact, type ExactValue } from '../json/exactJson.js';
import type { JsonPart } from '../json/jsonDocument.js';
import type { CeleryClient } from './client.js';
import { compress, GZIP } from './compression.js';
import type { Connection } from './connection.js';
import { taskSentChannel, taskSentEvent } from './events.js';
import { findUnreadable } from './kombuTypes.js';
import { envelope, taskMessage, type Message, type Sender, type Task } from './message.js';
import { createPublisher, type PublishOutcome } from './publisher.js';
import { claimKey, producerKey, queueBinding, queueKey, queueKeys } from './redisKeys.js';

/**
 * What became of a message. `queued` is true to the fact: `yes` (Redis has acknowledged it), `no` (it
 * is in no queue and never will be), or `unknown` (sent, but never acknowledged: it may run). `reason`
 * is for the caller, `cause` for the log; `pointer` says where in the params the reason is.
 */
export type SendOutcome =
  | { queued: 'yes' }
  /** An earlier message has made the same claim, with this value; this one is in no queue. */
  | { queued: 'before'; value: string }
  | { queued: 'no' | 'unknown'; reason: string; cause?: unknown }
  | { queued: 'no'; reason: string; pointer: string }
  /** The queue holds as many messages as it may; this one is in none. */
  | { queued: 'full' };

export interface SendOptions {
  /** How long to wait for Redis. */
  milliseconds: number;
  /** Of all messages with the same `key`, only the first is sent, and `value` kept for the others. */
  claim?: { key: string; value: string } | undefined;
}

export type SendTask = (task: Task, options: SendOptions) => Promise<SendOutcome>;

export interface ProducerOptions {
  /** Before every key and channel (`global_keyprefix` of kombu's transport options); may be empty. */
  keyPrefix: string;
  /** The database of the broker, by its number. */
  database: number;
  sender: Sender & { processId: number };
  /** Bodies of at least so many bytes are compressed; Infinity for none. */
  compressionThreshold: number;
  sendsEvents: boolean;
  /** How many replicas must have a message before it counts as queued. */
  replicas: number;
  /** How many messages a queue may hold; Infinity for any number. */
  maximumDepth: number;
  claimSeconds: number;
  /** Called with Redis's words when it begins to refuse events; the tasks are in their queues all the same. */
  onEventRefused: (error: string) => void;
}

/** Returns the function that publishes a task and waits for Redis. */
export function createProducer(client: CeleryClient, options: ProducerOptions): SendTask {
  const { broker, celery } = client;
  const { keyPrefix, sender } = options;
  const declare = createDeclaration(broker, keyPrefix);
  const publish = createPublisher(broker, {
    ...options,
    record: `${keyPrefix}${producerKey(randomUUID())}`,
    channel: `${keyPrefix}${taskSentChannel(options.database)}`,
    onEnqueued(batch) {
      for (const { queue } of batch) {
        declare(queue);
      }
    },
  });
  const isLimited = options.maximumDepth !== Infinity;
  let clock = 0;

  return async (task, { milliseconds, claim }) => {
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
    clock += 1;
    const publication = {
      queue: task.queue,
      list: `${keyPrefix}${queueKey(task.queue, task.priority)}`,
      queueLists: isLimited ? queueKeys(task.queue).map((key) => `${keyPrefix}${key}`) : [],
      message: envelope(message, randomUUID()),
      event: options.sendsEvents
        ? envelope(taskSentEvent(task, message, sender, clock), randomUUID())
        : undefined,
      claim: claim && { ...claim, key: `${keyPrefix}${claimKey(claim.key)}` },
    };
    return sendOutcome(await publish(publication, deadline - performance.now()));
  };
}

function sendOutcome(outcome: PublishOutcome): SendOutcome {
  switch (outcome.kind) {
    case 'queued':
      return { queued: 'yes' };
    case 'claimed':
      return { queued: 'before', value: outcome.value };
    case 'full':
      return { queued: 'full' };
    case 'failed':
      return outcome;
  }
}

/**
 * Returns the function that binds a queue to its exchange, once per connection as kombu does. Whether that
 * succeeds decides nothing: messages are delivered by the queue's key alone.
 */
function createDeclaration({ redis }: Connection, keyPrefix: string): (queue: string) => void {
  const declared = new Set<string>();
  redis.on('ready', () => {
    declared.clear();
  });

  return (queue) => {
    if (declared.has(queue)) {
      return;
    }
    declared.add(queue);
    const { keys, member } = queueBinding(queue);
    for (const key of keys) {
      redis.sadd(`${keyPrefix}${key}`, member).catch(() => declared.delete(queue));
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
