import celeryNode from 'celery-node/dist/app/client.js';
import type { CeleryConf } from 'celery-node/dist/app/conf.js';
import type { CeleryBackend } from 'celery-node/dist/backends/index.js';
import { taskSentEvent } from '../wire/events.js';
import { taskMessage, taskTexts, type Sender, type Task } from '../wire/message.js';
import type { Broker, SendOptions, TaskMessage } from './broker.js';
import type { Outcome } from './fate.js';
import { LazyMessage } from './lazyMessage.js';

export interface ClientOptions<Backend extends CeleryBackend> {
  /** celery-node's own configuration: what `broker` and `backend` have been opened by. */
  conf: Omit<CeleryConf, 'TASK_PROTOCOL'>;
  broker: Broker;
  backend: Backend;
  sender: Sender & { processId: number };
  sendsEvents: boolean;
}

/** Makes the message of a task; `compressedBody` stands for its body where that is to be compressed. */
export type CreateTaskMessage = (task: Task, compressedBody?: Buffer) => TaskMessage;

/** How long `sendTaskMessage` waits for the broker, unless it is told. */
const PATIENCE_MS = 5_000;

/**
 * celery-node's client, extended where it falls short. Each override says what its own does.
 *
 *     producer -> createTaskMessage -> sendTaskMessage -> Broker.enqueue -> queue
 *                                        <- fate of the message <-
 *
 * It is a class as celery-node's client is one, which lets nothing be replaced but by inheritance.
 */
export class CeleryClient<Backend extends CeleryBackend> extends celeryNode.default {
  readonly #broker: Broker;
  readonly #backend: Backend;
  readonly #createTaskMessage: CreateTaskMessage;

  constructor({ conf, broker, backend, sender, sendsEvents }: ClientOptions<Backend>) {
    super(conf.CELERY_BROKER, conf.CELERY_BACKEND, conf.CELERY_QUEUE);
    Object.assign(this.conf, conf);
    this.#broker = broker;
    this.#backend = backend;
    let clock = 0;
    this.#createTaskMessage = (task, compressedBody) =>
      new LazyMessage(task, () => {
        const texts = taskTexts(task);
        const message = taskMessage(task, texts, sender, compressedBody);
        clock += 1;
        return {
          message,
          event: sendsEvents ? taskSentEvent(task, texts, sender, clock) : undefined,
        };
      });
  }

  /** Its own are opened by their URL alone, wait without end for a lost Redis, and tell of no outage. */
  override get broker(): Broker {
    return this.#broker;
  }

  override get backend(): Backend {
    return this.#backend;
  }

  /** Its own writes three of the nineteen headers, none of the options, and names the properties in camel case. */
  override get createTaskMessage(): CreateTaskMessage {
    return this.#createTaskMessage;
  }

  /** Its own drops the promise: it answers before Redis does, and a Redis that is away ends the process. */
  // eslint-disable-next-line @typescript-eslint/no-misused-promises -- the promise is what its own lacks
  override sendTaskMessage(
    _taskName: string,
    message: TaskMessage,
    options: SendOptions = { milliseconds: PATIENCE_MS },
  ): Promise<Outcome> {
    return this.sendTaskMessages([message], options);
  }

  /** As `sendTaskMessage`, for messages that are queued all or not at all. */
  sendTaskMessages(messages: readonly TaskMessage[], options: SendOptions): Promise<Outcome> {
    return this.#broker.enqueue(messages, options);
  }

  /** Its own answers with an AsyncResult at once, before anything is known of the message. */
  override sendTask(): never {
    throw new Error("sendTask can't tell what becomes of a message: use sendTaskMessage");
  }
}
