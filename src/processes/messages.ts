import type { Config } from '../config.js';

/** Tells workers from other processes, here and in a list of processes. */
export const WORKER_ARGUMENT = '--worker';

/** What goes through the channel between a worker (`joined`, `failed`) and its primary. */
export type Message =
  | { orchestrator: 'joined' }
  | { orchestrator: 'config'; config: Config }
  | { orchestrator: 'stop' }
  | { orchestrator: 'failed'; reason: string };
export type MessageOf<Kind> = Extract<Message, { orchestrator: Kind }>;

/** Others may use the channel too, such as those that gather metrics. */
export function isMessage<Kind extends Message['orchestrator']>(
  message: unknown,
  kind: Kind,
): message is MessageOf<Kind> {
  return (message as Partial<Message> | null)?.orchestrator === kind;
}
