import { randomUUID } from 'node:crypto';
import { compress } from '../wire/compression.js';
import type { Connection } from '../../redis/connection.js';
import { taskSentChannel, taskSentEvent } from '../wire/events.js';
import {
  envelope,
  taskBody,
  taskMessage,
  taskTexts,
  type Sender,
  type Task,
} from '../wire/message.js';
import type { Outcome } from './fate.js';
import { createPublisher } from './publisher.js';
import type { Publication } from './publishScript.js';
import { claimKey, producerKey, queueBinding, queueKey, queueKeys } from '../wire/keys.js';
import { faultOf, faultsOf, type TaskFault } from './unreadable.js';

/** What became of a task's message, or of those of several tasks that go together. */
export type SendOutcome = Outcome | { fate: 'refused'; faults: readonly TaskFault[] };

export interface SendOptions {
  /** How long to wait for Redis. */
  milliseconds: number;
  /** Of all messages with the same `key`, only the first is sent, and `value` kept for the others. */
  claim?: { key: string; value: string } | undefined;
}

/** What `sendTask` would publish. */
export interface TaskPreview {
  task: Task;
  /** The key of the list that the message would go to. */
  list: string;
  /** The text that would be pushed. */
  envelope: string;
  /** The message's body, before compression and base64. */
  body: string;
  /** Undefined where no events are sent. */
  event: { channel: string; envelope: string } | undefined;
}

export interface Producer {
  /** Publishes a task and waits for Redis. */
  sendTask: (task: Task, options: SendOptions) => Promise<SendOutcome>;
  /** Publishes these tasks, one at least, all or none; the claim stands for all of them. */
  sendTasks: (tasks: readonly Task[], options: SendOptions) => Promise<SendOutcome>;
  /** Writes their messages as `sendTasks` does, and asks Redis for nothing. */
  previewTasks: (
    tasks: readonly Task[],
  ) => Promise<{ previews: readonly TaskPreview[] } | { faults: readonly TaskFault[] }>;
}

export type SendTask = Producer['sendTask'];
export type SendTasks = Producer['sendTasks'];
export type PreviewTasks = Producer['previewTasks'];

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

export function createProducer(broker: Connection, options: ProducerOptions): Producer {
  const { keyPrefix, sender } = options;
  const channel = `${keyPrefix}${taskSentChannel(options.database)}`;
  const declare = createDeclaration(broker, keyPrefix);
  const publish = createPublisher(broker, {
    ...options,
    record: `${keyPrefix}${producerKey(randomUUID())}`,
    channel,
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
    const texts = taskTexts(task);
    const message = taskMessage(task, texts, sender, compressedBody);
    clock += 1;
    return {
      queue: task.queue,
      list: `${keyPrefix}${queueKey(task.queue, task.priority)}`,
      queueLists: isLimited ? queueKeys(task.queue).map((key) => `${keyPrefix}${key}`) : [],
      message: envelope(message, nextDeliveryTag()),
      event: options.sendsEvents
        ? envelope(taskSentEvent(task, texts, sender, clock), nextDeliveryTag())
        : undefined,
      claim: claim && { ...claim, key: `${keyPrefix}${claimKey(claim.key)}` },
    };
  };

  const compressedIfLarge = async (task: Task): Promise<Buffer | undefined> =>
    isLarge(task, options) ? compress(taskBody(task)) : undefined;

  /** As `Producer._prepare` of kombu/messaging.py does. */
  const sendCompressed: SendTask = async (task, { milliseconds, claim }) => {
    const deadline = performance.now() + milliseconds;
    const body = await compress(taskBody(task));
    return publish(() => publicationOf(task, claim, body), deadline - performance.now());
  };

  return {
    sendTask(task, sendOptions) {
      const fault = faultOf(task, 0);
      if (fault !== undefined) {
        return Promise.resolve({ fate: 'refused', faults: [fault] });
      }
      if (isLarge(task, options)) {
        return sendCompressed(task, sendOptions);
      }
      const { milliseconds, claim } = sendOptions;
      return publish(() => publicationOf(task, claim, undefined), milliseconds);
    },
    async sendTasks(tasks, { milliseconds, claim }) {
      const faults = faultsOf(tasks);
      if (faults.length > 0) {
        return { fate: 'refused', faults };
      }
      const deadline = performance.now() + milliseconds;
      const bodies = await Promise.all(tasks.map(compressedIfLarge));
      const write = (): Publication[] =>
        tasks.map((task, index) =>
          publicationOf(task, index === 0 ? claim : undefined, bodies[index]),
        );
      return publish(write, deadline - performance.now());
    },
    async previewTasks(tasks) {
      const faults = faultsOf(tasks);
      if (faults.length > 0) {
        return { faults };
      }
      const bodies = await Promise.all(tasks.map(compressedIfLarge));
      return {
        previews: tasks.map((task, index) => {
          const { list, message, event } = publicationOf(task, undefined, bodies[index]);
          return {
            task,
            list,
            envelope: message,
            body: taskBody(task),
            event: event === undefined ? undefined : { channel, envelope: event },
          };
        }),
      };
    },
  };
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
