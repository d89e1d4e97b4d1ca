import type { CommandText } from '../../redis/serverFacts.js';
import { controlChannel, controlReplyQueue } from '../wire/controlMessage.js';
import { taskSentChannel } from '../wire/events.js';
import {
  claimKey,
  producerKey,
  queueBinding,
  queueKeys,
  UNACKNOWLEDGED,
  type ListNaming,
} from '../wire/keys.js';

/** Commands that the broker's user must be allowed to run, each as this service sends it or as its scripts call it. */
export function neededCommands(
  options: ListNaming & {
    /** As in `ControlOptions`. */
    keyPrefix: string;
    database: number;
    /** Those that tasks are sent to. */
    queues: readonly string[];
    sendsEvents: boolean;
  },
): CommandText[] {
  const { keyPrefix, database, queues, sendsEvents } = options;
  const keyed = (name: string, keys: readonly string[], ...rest: readonly (string | number)[]) =>
    keys.map((key): CommandText => [name, `${keyPrefix}${key}`, ...rest]);
  const lists = queues.flatMap((queue) => queueKeys(queue, options));
  const bindings = queues.flatMap((queue) => queueBinding(queue, options).keys);
  const own = [producerKey(NOBODY), claimKey(NOBODY)];
  const replies = controlReplyQueue(NOBODY, options);
  const channels = [
    controlChannel(database),
    ...(sendsEvents ? [taskSentChannel(database)] : []),
  ].map((channel): CommandText => ['publish', `${keyPrefix}${channel}`, '']);

  return [
    // It runs the scripts: of the keys, those that it is given are checked.
    ['eval', 'return 0', 0],
    ['evalsha', '0'.repeat(40), 0],
    ...keyed('lpush', [...lists, replies.key], ''),
    ...keyed('llen', lists),
    ...keyed('lrange', [...lists, replies.key], 0, 0),
    ...keyed('sismember', [replies.bindings], ''),
    ...keyed('get', own),
    ...keyed('set', own, '', 'EX', 1),
    ...keyed('del', [replies.key]),
    ...keyed('pexpire', [replies.key], 1),
    ...keyed('sadd', [...bindings, replies.bindings], replies.member),
    ...keyed('srem', [replies.bindings], replies.member),
    ...keyed('hscan', [UNACKNOWLEDGED.messages], 0),
    ...keyed('zscore', [UNACKNOWLEDGED.times], ''),
    ...channels,
  ];
}

/** In place of an id: a task, a producer or a sender of commands that there is not. */
const NOBODY = 'doctor';
