import { compress } from '../wire/compression.js';
import { taskBody, type Task } from '../wire/message.js';
import type { MessagePreview, SendOptions, TaskMessage } from './broker.js';
import type { CeleryClient } from './client.js';
import type { Outcome } from './fate.js';

/** What `send` would publish. */
export interface TaskPreview extends MessagePreview {
  task: Task;
  /** The message's body, before compression and base64. */
  body: string;
}

export interface Producer {
  /** Publishes these tasks, one at least, all or none, and waits for Redis; the claim stands for all of them. */
  send: (tasks: readonly Task[], options: SendOptions) => Promise<Outcome>;
  /** Writes their messages as `send` does, and asks Redis for nothing. */
  preview: (tasks: readonly Task[]) => Promise<readonly TaskPreview[]>;
}

/** What a producer needs of celery-node's client. */
export type PublishingClient = Pick<
  CeleryClient<never>,
  'broker' | 'createTaskMessage' | 'sendTaskMessages'
>;

/** @param compressionThreshold bodies of at least so many bytes are compressed; Infinity for none */
export function createProducer(client: PublishingClient, compressionThreshold: number): Producer {
  const isLarge = (task: Task): boolean =>
    compressionThreshold !== Infinity && Buffer.byteLength(taskBody(task)) >= compressionThreshold;

  /** As `Producer._prepare` of kombu/messaging.py does. */
  const messageOf = async (task: Task): Promise<TaskMessage> =>
    client.createTaskMessage(task, isLarge(task) ? await compress(taskBody(task)) : undefined);

  const sendCompressed: Producer['send'] = async (tasks, { milliseconds, claim }) => {
    const deadline = performance.now() + milliseconds;
    const messages = await Promise.all(tasks.map(messageOf));
    return client.sendTaskMessages(messages, {
      milliseconds: deadline - performance.now(),
      claim,
    });
  };

  return {
    send(tasks, options) {
      return tasks.some(isLarge)
        ? sendCompressed(tasks, options)
        : client.sendTaskMessages(
            tasks.map((task) => client.createTaskMessage(task)),
            options,
          );
    },
    async preview(tasks) {
      const messages = await Promise.all(tasks.map(messageOf));
      return messages.flatMap((message, index) => {
        const task = tasks[index];
        return task === undefined
          ? []
          : [{ task, body: taskBody(task), ...client.broker.preview(message) }];
      });
    },
  };
}
