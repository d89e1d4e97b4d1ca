import type { createClient } from 'celery-node';

type TaskMessage = ReturnType<ReturnType<typeof createClient>['createTaskMessage']>;

/** One task to send: the Celery protocol's words (celery/app/amqp.py, `as_task_v2`). */
export interface Task {
  id: string;
  name: string;
  queue: string;
  args: readonly unknown[];
  kwargs: Readonly<Record<string, unknown>>;
}

/** The message of a task in Celery's protocol version 2, as celery-node makes it. */
export function messageOf(client: ReturnType<typeof createClient>, task: Task): TaskMessage {
  return client.createTaskMessage(task.id, task.name, [...task.args], { ...task.kwargs });
}
