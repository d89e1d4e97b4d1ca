import { compress } from '../wire/compression.js';
import { taskBody, type Task } from '../wire/message.js';
import type { MessagePreview, SendOptions, TaskMessage } from './broker.js';
import type { CeleryClient } from './client.js';
import type { Outcome } from './fate.js';
import { faultOf, faultsOf, type TaskFault } from './unreadable.js';

/** What became of a task's message, or of those of several tasks that go together. */
export type SendOutcome = Outcome | { fate: 'refused'; faults: readonly TaskFault[] };

/** What `sendTask` would publish. */
export interface TaskPreview extends MessagePreview {
  task: Task;
  /** The message's body, before compression and base64. */
  body: string;
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

/** What a producer needs of celery-node's client. */
export type PublishingClient = Pick<
  CeleryClient<never>,
  'broker' | 'createTaskMessage' | 'sendTaskMessage' | 'sendTaskMessages'
>;

/** @param compressionThreshold bodies of at least so many bytes are compressed; Infinity for none */
export function createProducer(client: PublishingClient, compressionThreshold: number): Producer {
  const isLarge = (task: Task): boolean =>
    compressionThreshold !== Infinity && Buffer.byteLength(taskBody(task)) >= compressionThreshold;

  /** As `Producer._prepare` of kombu/messaging.py does. */
  const compressed = async (task: Task): Promise<TaskMessage> =>
    client.createTaskMessage(task, await compress(taskBody(task)));

  const messageOf = async (task: Task): Promise<TaskMessage> =>
    isLarge(task) ? compressed(task) : client.createTaskMessage(task);

  const sendCompressed: SendTask = async (task, { milliseconds, claim }) => {
    const deadline = performance.now() + milliseconds;
    const message = await compressed(task);
    return client.sendTaskMessage(task.name, message, {
      milliseconds: deadline - performance.now(),
      claim,
    });
  };

  return {
    sendTask(task, sendOptions) {
      const fault = faultOf(task, 0);
      if (fault !== undefined) {
        return Promise.resolve({ fate: 'refused', faults: [fault] });
      }
      return isLarge(task)
        ? sendCompressed(task, sendOptions)
        : client.sendTaskMessage(task.name, client.createTaskMessage(task), sendOptions);
    },
    async sendTasks(tasks, { milliseconds, claim }) {
      const faults = faultsOf(tasks);
      if (faults.length > 0) {
        return { fate: 'refused', faults };
      }
      const deadline = performance.now() + milliseconds;
      const messages = await Promise.all(tasks.map(messageOf));
      return client.sendTaskMessages(messages, {
        milliseconds: deadline - performance.now(),
        claim,
      });
    },
    async previewTasks(tasks) {
      const faults = faultsOf(tasks);
      if (faults.length > 0) {
        return { faults };
      }
      const messages = await Promise.all(tasks.map(messageOf));
      return {
        previews: messages.flatMap((message, index) => {
          const task = tasks[index];
          return task === undefined
            ? []
            : [{ task, body: taskBody(task), ...client.broker.preview(message) }];
        }),
      };
    },
  };
}
