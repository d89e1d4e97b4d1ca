/** `Channel.sep` of kombu/transport/redis.py. */
const SEPARATOR = '\x06\x16';

/**
 * The priorities that have a list of their own, in the order in which workers serve them (`PRIORITY_STEPS` of
 * kombu/transport/redis.py).
 */
export const PRIORITY_STEPS = [0, 3, 6, 9] as const;

export type PriorityStep = (typeof PRIORITY_STEPS)[number];

/**
 * The Redis key of the list that holds a queue's messages of this priority (0 to 9, 0 first): `queue`,
 * `queue\x06\x163`, `…6` or `…9` (`Channel._q_for_pri` of kombu/transport/redis.py).
 */
export function queueKey(queue: string, priority: number): string {
  const step = PRIORITY_STEPS.findLast((candidate) => candidate <= priority) ?? 0;
  return step === 0 ? queue : `${queue}${SEPARATOR}${step}`;
}

/** The keys of all lists of a queue, the first to be served first. Their lengths together are its depth. */
export function queueKeys(queue: string): readonly string[] {
  return PRIORITY_STEPS.map((step) => queueKey(queue, step));
}

/**
 * The sets in which kombu keeps the bindings of a queue to the direct exchange of its own name, and their
 * member (`Channel._queue_bind` of kombu/transport/redis.py).
 */
export function queueBinding(queue: string): { keys: readonly string[]; member: string } {
  return {
    keys: [`_kombu.binding.${queue}`, `_kombu.binding_permanent.${queue}`],
    member: [queue, '', queue].join(SEPARATOR),
  };
}

/** The channel of a fanout exchange (`Channel._get_publish_topic` of kombu/transport/redis.py). */
export function fanoutChannel(database: number, exchange: string, routingKey: string): string {
  return `/${database}.${exchange}${routingKey === '' ? '' : `/${routingKey}`}`;
}

/**
 * The list that gets the replies to what `id` has sent to an exchange, and the set of bindings that leads
 * workers there while it has this member (`Mailbox.get_reply_queue` of kombu/pidbox.py).
 */
export function replyQueue(
  id: string,
  exchange: string,
): { key: string; bindings: string; member: string } {
  const key = `${id}.${exchange}`;
  return { key, bindings: `_kombu.binding.${exchange}`, member: [id, '', key].join(SEPARATOR) };
}

/**
 * Messages that workers have taken out of their queues and not acknowledged: the messages by their delivery tags, and
 * the tags by the time when they were taken (`QoS` of kombu/transport/redis.py).
 */
export const UNACKNOWLEDGED = { messages: 'unacked', times: 'unacked_index' };

/** Keys of this service's own, beside Celery's: what a producer has sent last, and what has been claimed. */
export function producerKey(id: string): string {
  return `orchestrator:producer:${id}`;
}

export function claimKey(id: string): string {
  return `orchestrator:claim:${id}`;
}
