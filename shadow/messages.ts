import { isList, isObject, parseExact, type ExactValue } from '../src/json/exactJson.js';

/** A message in a list. */
export interface ListedMessage {
  /** Without the prefix that all keys of its service may have. */
  key: string;
  text: string;
}

/** Undefined where the text is no JSON. */
export function jsonOf(text: string): ExactValue | undefined {
  try {
    return parseExact(text, { allowsInfinity: true });
  } catch {
    return undefined;
  }
}

/** The ids of the tasks that an answer names as assigned: one, or one for each item of a list. */
export function assignedIds(answer: ExactValue | undefined): string[] {
  return (isList(answer) ? answer : [answer]).flatMap((item) => {
    const id = isObject(item) ? item.get('task_id') : undefined;
    return typeof id === 'string' ? id : [];
  });
}

/** The id of the task of a message; undefined where it is none of Celery's. */
export function taskIdOf({ text }: ListedMessage): string | undefined {
  const envelope = jsonOf(text);
  const headers = isObject(envelope) ? envelope.get('headers') : undefined;
  const id = isObject(headers) ? headers.get('id') : undefined;
  return typeof id === 'string' ? id : undefined;
}

/** `worker_queue (task 1d0e…)`, for people. */
export function describeMessage(message: ListedMessage): string {
  return `${message.key} (task ${taskIdOf(message) ?? 'without an id'})`;
}
