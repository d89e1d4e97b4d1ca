import { NotOffered, Refused, type Api } from './api.js';
import { at, listOf, textOf } from './json.js';
import { isFinal } from './taskResult.js';

/** Gets the body of a task's result, as text. */
export type Tell = (taskId: string, text: string) => void;

/** How long the ids of one request may be together: servers and proxies bound the length of its address. */
const MOST_CHARACTERS = 4_000;

/** How many where each is a request: as many as leave a browser's connections to other requests. */
const MOST_REQUESTS = 2;

/**
 * Reads how tasks stand, by one request where the service can.
 *
 * @param failed hears that one of them can't be told
 * @throws what the API throws, where that holds for all of them
 */
export async function readTasks(
  api: Api,
  taskIds: readonly string[],
  { tell, failed }: { tell: Tell; failed: Tell },
): Promise<void> {
  const readOne = async (taskId: string): Promise<void> => {
    try {
      tell(taskId, (await api.call('getResult', { path: { task_id: taskId } })).text);
    } catch (error) {
      if (!(error instanceof Refused) || PASSING.includes(error.status)) {
        throw error;
      }
      failed(taskId, error.message);
    }
  };
  const readEach = async (): Promise<void> => {
    for (let first = 0; first < taskIds.length; first += MOST_REQUESTS) {
      await Promise.all(taskIds.slice(first, first + MOST_REQUESTS).map(readOne));
    }
  };
  const readTogether = async (ids: string): Promise<void> => {
    const { body } = await api.call('getResults', { query: { ids } });
    for (const result of listOf(at(body, 'results'))) {
      const taskId = textOf(at(result, 'task_id'));
      if (isFinal(result) || at(result, 'status') === 'error') {
        // Read alone, its text has every digit, and what is wrong with it is said.
        await readOne(taskId);
      } else {
        tell(taskId, JSON.stringify(result));
      }
    }
  };

  try {
    for (const ids of inParts(taskIds)) {
      await readTogether(ids);
    }
  } catch (error) {
    if (!(error instanceof NotOffered)) {
      throw error;
    }
    await readEach();
  }
}

function inParts(taskIds: readonly string[]): string[] {
  const parts: string[] = [];
  for (const taskId of taskIds) {
    const last = parts.at(-1);
    if (last === undefined || last.length + taskId.length > MOST_CHARACTERS) {
      parts.push(taskId);
    } else {
      parts[parts.length - 1] = `${last},${taskId}`;
    }
  }
  return parts;
}

/** Statuses that say nothing of the task: no key, too many requests, overloaded. */
const PASSING = [401, 429, 503];
