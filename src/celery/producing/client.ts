import celeryNode from 'celery-node/dist/app/client.js';
import type { CeleryConf } from 'celery-node/dist/app/conf.js';
import type { CeleryBackend } from 'celery-node/dist/backends/index.js';
import type { JsonText } from '../../json/jsonText.js';
import { compress } from '../wire/compression.js';
import { taskSentEvent } from '../wire/events.js';
import {
  taskBody,
  taskBodyLength,
  taskMessage,
  taskTexts,
  type Message,
  type Sender,
  type Task,
} from '../wire/message.js';
import type { Broker, MessagePreview, SendOptions, TaskMessage } from './broker.js';
import type { Outcome } from './fate.js';

export interface ClientOptions<Backend extends CeleryBackend> {
  /** celery-node's own configuration: what `broker` and `backend` have been opened by. */
  conf: Omit<CeleryConf, 'TASK_PROTOCOL'>;
  broker: Broker;
  backend: Backend;
  sender: Sender & { processId: number };
  sendsEvents: boolean;
  /** Bodies of at least so many bytes are compressed; Infinity for none. */
  compressionThreshold: number;
}

/** Publishes tasks, or shows what it would publish. */
export interface Producer {
  /** Publishes these tasks, one at least, all or none, and waits for the broker; the claim stands for all of them. */
  send: (tasks: readonly Task[], options: SendOptions) => Promise<Outcome>;
  /** Writes their messages as `send` does, and asks the broker for nothing. */
  preview: (tasks: readonly Task[]) => Promise<readonly TaskPreview[]>;
}

/** One task as `send` would publish it. */
export interface TaskPreview extends MessagePreview {
  task: Task;
  /** The message's body, before compression and base64. */
  body: string;
}

/** Makes the message of a task; `compressedBody` stands for its body where that is to be compressed. */
export type CreateTaskMessage = (task: Task, compressedBody?: Buffer) => TaskMessage;

/** How long `sendTaskMessage` waits for the broker, unless it is told. */
const PATIENCE_MS = 5_000;

/**
 * celery-node's client, extended where it falls short. Each override says what its own does.
 *
 *     send -> createTaskMessage -> Broker.enqueue -> queue
 *                                    <- fate of the message <-
 *
 * It is a class as celery-node's client is one, which lets nothing be replaced but by inheritance.
 */
export class CeleryClient<Backend extends CeleryBackend>
  extends celeryNode.default
  implements Producer
{
  readonly #broker: Broker;
  readonly #backend: Backend;
  readonly #createTaskMessage: CreateTaskMessage;
  readonly #compressionThreshold: number;

  constructor(options: ClientOptions<Backend>) {
    const { conf, broker, backend, sender, sendsEvents, compressionThreshold } = options;
    super(conf.CELERY_BROKER, conf.CELERY_BACKEND, conf.CELERY_QUEUE);
    Object.assign(this.conf, conf);
    this.#broker = broker;
    this.#backend = backend;
    this.#compressionThreshold = compressionThreshold;
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

  send(tasks: readonly Task[], options: SendOptions): Promise<Outcome> {
    return tasks.some((task) => this.#isLarge(task))
      ? this.#sendCompressed(tasks, options)
      : this.#broker.enqueue(
          tasks.map((task) => this.#createTaskMessage(task)),
          options,
        );
  }

  async preview(tasks: readonly Task[]): Promise<readonly TaskPreview[]> {
    return Promise.all(
      tasks.map(async (task) => ({
        ...{ task, body: Buffer.concat(taskBody(task)).toString() },
        ...this.#broker.preview(await this.#messageOf(task)),
      })),
    );
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
    return this.#broker.enqueue([message], options);
  }

  /** Its own answers with an AsyncResult at once, before anything is known of the message. */
  override sendTask(): never {
    throw new Error("sendTask can't tell what becomes of a message: use sendTaskMessage");
  }

  async #sendCompressed(tasks: readonly Task[], options: SendOptions): Promise<Outcome> {
    const start = performance.now();
    const messages = await Promise.all(tasks.map((task) => this.#messageOf(task)));
    const milliseconds = options.milliseconds - (performance.now() - start);
    return this.#broker.enqueue(messages, { ...options, milliseconds });
  }

  /** As `Producer._prepare` of kombu/messaging.py does. */
  async #messageOf(task: Task): Promise<TaskMessage> {
    return this.#createTaskMessage(
      task,
      this.#isLarge(task) ? await compress(Buffer.concat(taskBody(task))) : undefined,
    );
  }

  #isLarge(task: Task): boolean {
    const threshold = this.#compressionThreshold;
    return threshold !== Infinity && taskBodyLength(task) >= threshold;
  }
}

interface Written {
  message: Message;
  event: Message | undefined;
}

/**
 * A message that is written when it is first read, as its batch goes out. Written earlier, it would wait for the
 * batch before it, reach V8's old generation and make the collection of garbage dear.
 *
 * It is a class, as getters on a prototype cost nothing for each message.
 */
class LazyMessage implements TaskMessage {
  readonly queue: string;
  readonly priority: number;
  readonly #write: () => Written;
  #written: Written | undefined;

  constructor({ queue, priority }: Task, write: () => Written) {
    this.queue = queue;
    this.priority = priority;
    this.#write = write;
  }

  get headers(): JsonText {
    return this.#parts().message.headers;
  }

  get properties(): JsonText {
    return this.#parts().message.properties;
  }

  get body(): readonly Buffer[] {
    return this.#parts().message.body;
  }

  get sentEvent(): { message: Message | undefined } {
    return { message: this.#parts().event };
  }

  #parts(): Written {
    this.#written ??= this.#write();
    return this.#written;
  }
}
