import type { CeleryBroker } from 'celery-node/dist/kombu/brokers/index.js';
import type { Message } from '../wire/message.js';
import type { Outcome } from './fate.js';

/** A task's message, by the names that celery-node's client gives to its parts, and where it goes. */
export interface TaskMessage extends Message {
  queue: string;
  /** 0 to 9. */
  priority: number;
  /** The event `task-sent`, for those who watch; undefined where none are sent. */
  sentEvent: { message: Message | undefined };
}

export interface SendOptions {
  /** How long to wait for the broker. */
  milliseconds: number;
  /** Only the first message with a `key` is sent; its `value` is kept for the others. */
  claim?: { key: string; value: string } | undefined;
}

/** The form in which a broker would write a message. */
export interface MessagePreview {
  /** The key of the list that the message would go to. */
  list: string;
  /** The text that would be pushed. */
  envelope: string;
  /** Undefined where no events are sent. */
  event: { channel: string; envelope: string } | undefined;
}

/**
 * celery-node's broker, with what that lacks: to publish several messages as one, to tell what has become of
 * them, and to end in time. Another kind of broker is a folder beside `redisBroker/` that makes one of these.
 */
export interface Broker extends CeleryBroker {
  /** Publishes these messages, one at least, all or none. The claim stands for all of them. Never rejects. */
  enqueue: (messages: readonly TaskMessage[], options: SendOptions) => Promise<Outcome>;
  preview: (message: TaskMessage) => MessagePreview;
}
