import { randomUUID } from 'node:crypto';
import { parseExact, type ExactValue } from '../json/exactJson.js';
import type { JsonPart } from '../json/jsonDocument.js';
import { compress } from './compression.js';
import type { Connection } from './connection.js';
import { taskSentChannel, taskSentEvent } from './events.js';
import { findUnreadable } from './kombuTypes.js';
import { envelope, taskBody, taskMessage, type Sender, type Task } from './message.js';
import { createPublisher, type PublishOutcome } from './publisher.js';
import type { Publication } from './publishScript.js';
import { claimKey, producerKey, queueBinding, queueKey, queueKeys } from './redisKeys.js';
import { saferepr } from './saferepr.js';

/** What became of a task's message; `pointer` says where in the params the reason is. */
export type SendOutcome = PublishOutcome | { queued: 'no'; reason: string; pointer: string };

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
export function createProducer(broker: Connection, options: ProducerOptions): SendTask {
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
  const nextDeliveryTag = createDeliveryTags();
  const isLimited = options.maximumDepth !== Infinity;
  let clock = 0;

  const publicationOf = (
    task: Task,
    claim: SendOptions['claim'],
    compressedBody: Buffer | undefined,
  ): Publication => {
    const argsrepr = JSON.stringify(saferepr([task.shown], task.params.isPlain));
    const message = taskMessage(task, argsrepr, sender, compressedBody);
    clock += 1;
    return {
      queue: task.queue,
      list: `${keyPrefix}${queueKey(task.queue, task.priority)}`,
      queueLists: isLimited ? queueKeys(task.queue).map((key) => `${keyPrefix}${key}`) : [],
      message: envelope(message, nextDeliveryTag()),
      event: options.sendsEvents
        ? envelope(taskSentEvent(task, argsrepr, sender, clock), nextDeliveryTag())
        : undefined,
      claim: claim && { ...claim, key: `${keyPrefix}${claimKey(claim.key)}` },
    };
  };

  /** As `Producer._prepare` of kombu/messaging.py does. */
  const sendCompressed: SendTask = async (task, { milliseconds, claim }) => {
    const deadline = performance.now() + milliseconds;
    const body = await compress(taskBody(task));
    return publish(() => publicationOf(task, claim, body), deadline - performance.now());
  };

  return (task, sendOptions) => {
    const pointer = unreadablePart(task.params);
    if (pointer !== undefined) {
      return Promise.resolve({ queued: 'no', reason: UNREADABLE, pointer });
    }
    if (isLarge(task, options)) {
      return sendCompressed(task, sendOptions);
    }
    const { milliseconds, claim } = sendOptions;
    return publish(() => publicationOf(task, claim, undefined), milliseconds);
  };
}

const UNREADABLE =
  'has a __type__ and a __value__ in no form that kombu writes, so that a worker may not read it';

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

function isLarge(task: Task, { compressionThreshold }: ProducerOptions): boolean {
  return (
    compressionThreshold !== Infinity && Buffer.byteLength(taskBody(task)) >= compressionThreshold
  );
}

/** Of the form of kombu's own, a UUID: its last group counts, and the others are this process's. */
function createDeliveryTags(): () => string {
  const start = randomUUID().slice(0, 24);
  let count = 0;
  return () => {
    count += 1;
    return `${start}${count.toString(16).padStart(12, '0')}`;
  };
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
