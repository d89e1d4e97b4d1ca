/** How workers name the lists of their queues: options of `broker_transport_options` (`Channel` of kombu/transport/redis.py). */
export interface ListNaming {
  /** Their `sep`: between a queue and a priority, and between the parts of a binding. */
  separator: string;
  /** Their `priority_steps`: the priorities that have a list of their own, from 0 up, as workers serve them. */
  prioritySteps: readonly number[];
}

/** `Channel.sep` and `PRIORITY_STEPS` of kombu/transport/redis.py. */
export const KOMBU_NAMING: ListNaming = { separator: '\x06\x16', prioritySteps: [0, 3, 6, 9] };

/**
 * The Redis key of the list that holds a queue's messages of this priority (0 to 9, 0 first): as kombu names them, `queue`,
 * `queue\x06\x163`, `…6` or `…9` (`Channel._q_for_pri` of kombu/transport/redis.py).
 */
export function queueKey(
  queue: string,
  priority: number,
  { separator, prioritySteps }: ListNaming,
): string {
  const step = prioritySteps.findLast((candidate) => candidate <= priority) ?? 0;
  return step === 0 ? queue : `${queue}${separator}${step}`;
}

/** The keys of all lists of a queue, the first to be served first. Their lengths together are its depth. */
export function queueKeys(queue: string, naming: ListNaming): readonly string[] {
  return naming.prioritySteps.map((step) => queueKey(queue, step, naming));
}

/**
 * The sets in which kombu keeps the bindings of a queue to the direct exchange of its own name, and their
 * member (`Channel._queue_bind` of kombu/transport/redis.py).
 */
export function queueBinding(
  queue: string,
  { separator }: Pick<ListNaming, 'separator'>,
): { keys: readonly string[]; member: string } {
  return {
    keys: [`_kombu.binding.${queue}`, `_kombu.binding_permanent.${queue}`],
    member: [queue, '', queue].join(separator),
  };
}

/** The channel of a fanout exchange (`Channel._get_publish_topic` of kombu/transport/redis.py). */
export function fanoutChannel(database: number, exchange: string, routingKey: string): string {
  return `/${database}.${exchange}${routingKey === '' ? '' : `/${routingKey}`}`;
}

/** The set in which kombu keeps the queues of a fanout exchange, and the member of this one (`Channel._queue_bind`). */
export function fanoutBinding(
  exchange: string,
  queue: string,
  { separator }: Pick<ListNaming, 'separator'>,
): { key: string; member: string } {
  return { key: `_kombu.binding.${exchange}`, member: ['', '', queue].join(separator) };
}

/**
 * The list that gets the replies to what `id` has sent to an exchange, and the set of bindings that leads
 * workers there while it has this member (`Mailbox.get_reply_queue` of kombu/pidbox.py).
 */
export function replyQueue(
  id: string,
  exchange: string,
  { separator }: Pick<ListNaming, 'separator'>,
): { key: string; bindings: string; member: string } {
  const key = `${id}.${exchange}`;
  return { key, bindings: `_kombu.binding.${exchange}`, member: [id, '', key].join(separator) };
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
