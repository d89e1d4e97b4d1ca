import type { Answer } from '../../redis/ask.js';
import { shareNext } from '../../redis/shareNext.js';
import type { Connection } from '../../redis/connection.js';
import type { ListNaming } from '../wire/keys.js';
import {
  loadSearchScripts,
  searchMessages,
  type Findings,
  type MessagePlace,
} from './searchPass.js';

/** Looks for the message of a task in these queues, and then among those that are taken. Never rejects. */
export type FindMessage = (
  taskId: string,
  queues: readonly string[],
) => Promise<Answer<MessagePlace>>;

export interface MessageSearchOptions extends ListNaming {
  /** `global_keyprefix` of the broker; may be empty. */
  keyPrefix: string;
  /** For one search. */
  milliseconds: number;
}

/** Tasks that are looked for at once. */
const MAXIMUM_TASKS = 200;

/**
 * Returns the function that looks for messages. One search at a time, so that Redis has time for all else:
 * those that ask meanwhile share the next one.
 */
export function createMessageSearch(
  connection: () => Connection,
  options: MessageSearchOptions,
): FindMessage {
  const scripts = loadSearchScripts();
  return shareNext<readonly string[], Answer<MessagePlace>>(MAXIMUM_TASKS, async (asked) => {
    const findings = await searchMessages(connection(), scripts, {
      taskIds: [...asked.keys()],
      queues: [...new Set([...asked.values()].flat())],
      ...options,
    });
    return (taskId) => placeIn(findings, taskId);
  });
}

/** A message that was found counts, even where the search was not ended. */
function placeIn({ places, unsearched, failure }: Findings, taskId: string): Answer<MessagePlace> {
  const place = places.get(taskId);
  return place === undefined && failure !== undefined
    ? failure
    : { value: { ...place, unsearched } };
}
