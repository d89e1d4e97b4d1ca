import { eventChannel } from './events.js';
import { fieldsOf, listOf, numberOf, readMessage } from './received.js';

/** The routing keys of events, as `EventDispatcher.publish` of celery/events/dispatcher.py makes them of their types. */
const ROUTING_KEYS = [
  ...['task.sent', 'task.received', 'task.started', 'task.succeeded', 'task.failed'],
  ...['task.retried', 'task.revoked', 'task.rejected'],
  // Several events of tasks, which a worker has kept for a moment.
  'task.multi',
  ...['worker.online', 'worker.heartbeat', 'worker.offline'],
];

/** The channels on which workers and senders of tasks tell what happens. */
export function eventChannels(database: number): string[] {
  return ROUTING_KEYS.map((key) => eventChannel(database, key));
}

/** An event as its sender has told it: of the fields, those that are needed here. What is missing is undefined. */
export interface ReceivedEvent {
  /** `task-started`, `worker-online`, ... */
  type: string;
  /** The sender's. */
  hostname: string;
  /** By the sender's clock, in seconds since 1970. */
  timestamp: number | undefined;
  /** The task's id and, in `task-sent` and `task-received` alone, its name. */
  taskId: string | undefined;
  name: string | undefined;
  /** Whether it is not to run at once. */
  hasEta: boolean;
  /** Whether a task that is rejected goes back into its queue. */
  isRequeued: boolean;
  /** How long the task ran, in seconds; in `task-succeeded` alone. */
  runSeconds: number | undefined;
  /** Seconds between heartbeats; in events of workers alone. */
  heartbeatSeconds: number | undefined;
}

/** Reads what has been published: one event, or several. What is none is left out. */
export function readEvents(text: string): ReceivedEvent[] {
  const body = readMessage(text)?.body;
  return (Array.isArray(body) ? listOf(body) : [body]).flatMap((item) => {
    const event = fieldsOf(item);
    const { type, hostname } = event;
    return typeof type === 'string' && typeof hostname === 'string'
      ? [
          {
            type,
            hostname,
            timestamp: numberOf(event.timestamp),
            taskId: textOf(event.uuid),
            name: textOf(event.name),
            hasEta: textOf(event.eta) !== undefined,
            isRequeued: event.requeue === true,
            runSeconds: numberOf(event.runtime),
            heartbeatSeconds: numberOf(event.freq),
          },
        ]
      : [];
  });
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
