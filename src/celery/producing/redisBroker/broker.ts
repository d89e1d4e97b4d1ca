import { v4 as uuid } from 'uuid';
import type { Connection } from '../../../redis/connection.js';
import { JsonText } from '../../../json/jsonText.js';
import { taskSentChannel } from '../../wire/events.js';
import {
  claimKey,
  producerKey,
  queueBinding,
  queueKey,
  queueKeys,
  type ListNaming,
} from '../../wire/keys.js';
import { envelope } from '../../wire/message.js';
import type { Broker, SendOptions, TaskMessage } from '../broker.js';
import { createPublisher } from './publisher.js';
import type { Publication } from './batchSender.js';

export interface RedisBrokerOptions extends ListNaming {
  /** Before every key and channel (`global_keyprefix` of kombu's transport options); may be empty. */
  keyPrefix: string;
  /** By its number. */
  database: number;
  /** How many replicas must have a message before it counts as queued. */
  replicas: number;
  /** How many messages a queue may hold; Infinity for any number. */
  maximumDepth: number;
  claimSeconds: number;
  /** How long `publish`, `isReady` and `disconnect` of celery-node's interface may take. */
  milliseconds: number;
  /** Called with Redis's words when it begins to refuse events; the tasks are in their queues all the same. */
  onEventRefused: (error: string) => void;
}

/** The broker of kombu's Redis transport: a list for each queue and step of priority. */
export function createRedisBroker(connection: Connection, options: RedisBrokerOptions): Broker {
  const { keyPrefix, milliseconds } = options;
  const channel = `${keyPrefix}${taskSentChannel(options.database)}`;
  const declare = createDeclaration(connection, options);
  const publish = createPublisher(connection, {
    ...options,
    record: `${keyPrefix}${producerKey(uuid())}`,
    channel,
    onEnqueued(batch) {
      for (const { queue } of batch) {
        declare(queue);
      }
    },
  });
  const nextDeliveryTag = createDeliveryTags();
  const isLimited = options.maximumDepth !== Infinity;

  const publicationOf = (message: TaskMessage, claim: SendOptions['claim']): Publication => {
    const { queue, priority } = message;
    const event = message.sentEvent.message;
    return {
      queue,
      list: `${keyPrefix}${queueKey(queue, priority, options)}`,
      queueLists: isLimited ? queueKeys(queue, options).map((key) => `${keyPrefix}${key}`) : [],
      message: envelope(message, nextDeliveryTag()),
      event: event === undefined ? undefined : envelope(event, nextDeliveryTag()),
      claim: claim && { ...claim, key: `${keyPrefix}${claimKey(claim.key)}` },
    };
  };

  const enqueue: Broker['enqueue'] = (messages, { milliseconds, claim }) =>
    publish(
      () =>
        messages.map((message, index) => publicationOf(message, index === 0 ? claim : undefined)),
      milliseconds,
    );

  return {
    enqueue,
    preview(message) {
      const { list, message: text, event } = publicationOf(message, undefined);
      return {
        list,
        envelope: text.toString(),
        event: event === undefined ? undefined : { channel, envelope: event.toString() },
      };
    },
    async publish(body, _exchange, queue, headers, properties) {
      const message = {
        ...{ queue, priority: 0, sentEvent: { message: undefined } },
        headers: new JsonText(JSON.stringify(headers)),
        properties: new JsonText(JSON.stringify(properties)),
        body: [Buffer.from(JSON.stringify(body))],
      };
      const outcome = await enqueue([message], { milliseconds });
      if (outcome.fate !== 'assigned') {
        throw new Error(`The message is not known to be queued: ${outcome.fate}`, {
          cause: outcome,
        });
      }
    },
    subscribe: () => Promise.reject(new Error('Messages are for workers: none are taken here')),
    isReady: () => connection.untilReady(milliseconds),
    disconnect: () => connection.close(milliseconds),
  };
}

/**
 * Returns the function that binds a queue to its exchange, once per connection as kombu does. Whether that
 * succeeds decides nothing: messages are delivered by the queue's key alone.
 */
function createDeclaration(
  { redis }: Connection,
  { keyPrefix, separator }: RedisBrokerOptions,
): (queue: string) => void {
  const declared = new Set<string>();
  redis.on('ready', () => {
    declared.clear();
  });

  return (queue) => {
    if (declared.has(queue)) {
      return;
    }
    declared.add(queue);
    const { keys, member } = queueBinding(queue, { separator });
    for (const key of keys) {
      redis.sadd(`${keyPrefix}${key}`, member).catch(() => declared.delete(queue));
    }
  };
}

/** Returns the function that makes UUIDs, as kombu's are: the last group counts, the others are this process's. */
function createDeliveryTags(): () => string {
  const start = uuid().slice(0, 24);
  let count = 0;
  return () => {
    count += 1;
    return `${start}${count.toString(16).padStart(12, '0')}`;
  };
}
