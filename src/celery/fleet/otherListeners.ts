import { ask, type Answer } from '../../redis/ask.js';
import type { Connection } from '../../redis/connection.js';
import { controlChannel, controlMessage, workerBinding } from '../wire/controlMessage.js';
import type { ControlOptions } from './control.js';

/** Where else workers listen on the server of the broker. */
export interface OtherListeners {
  /** Other databases, by their numbers, with the same key prefix. */
  databases: readonly number[];
  /** Key prefixes that a fleet has used in the same database. */
  keyPrefixes: readonly string[];
}

/** `databases` of redis.conf, unless it is changed. */
const DATABASES = 16;

/** How many keys Redis looks at in one step, and how long it may take over all of them. */
const KEYS_PER_STEP = 1_000;
const SCAN_MS = 2_000;

/**
 * Looks for workers that a command of this service does not reach. A channel has no database, though its name
 * has: PUBLISH tells how many listen to it. The command is for a worker that there is not, so that nobody runs it.
 */
export async function findOtherListeners(
  connection: Connection,
  { keyPrefix, database, separator }: ControlOptions,
  milliseconds: number,
): Promise<Answer<OtherListeners>> {
  const command = { method: 'ping', arguments: {}, destination: ['nobody'] };
  const nobody = { ticket: 'nobody', id: 'nobody' };
  const times = { clock: 0, expires: Date.now() / 1_000, deliveryTag: 'nobody' };
  const text = controlMessage(command, nobody, times);
  const binding = workerBinding('nobody', { separator }).key;
  const numbers = Array.from({ length: DATABASES }, (_, number) => number);

  return ask(connection, milliseconds + SCAN_MS, async (redis) => {
    const listening = await Promise.all(
      numbers.map((number) => redis.publish(`${keyPrefix}${controlChannel(number)}`, text)),
    );
    const bindings: string[] = [];
    const end = performance.now() + SCAN_MS;
    let cursor = '0';
    do {
      const [next, keys] = await redis.scan(
        cursor,
        ...(['MATCH', `*${binding}`, 'COUNT', KEYS_PER_STEP] as const),
      );
      bindings.push(...keys);
      cursor = next;
    } while (cursor !== '0' && performance.now() < end);
    const keyPrefixes = bindings
      .map((key) => key.slice(0, -binding.length))
      .filter((prefix) => prefix !== keyPrefix);
    return {
      databases: numbers.filter((number) => number !== database && (listening[number] ?? 0) > 0),
      keyPrefixes: [...new Set(keyPrefixes)].sort(),
    };
  });
}
