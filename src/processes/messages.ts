import type { Config } from '../config/config.js';
import type { Snapshot } from '../metrics/snapshots.js';

/** Tells workers from other processes, here and in a list of processes. */
export const WORKER_ARGUMENT = '--worker';

/**
 * What goes through the channel between a worker (`joined`, `failed`, `gather`, `snapshot`) and its primary. A
 * worker that wants the metrics of all asks the primary to `gather` them, which asks each for its `snapshot` and
 * answers `gathered`, under the number of the question.
 */
export type Message =
  | { orchestrator: 'joined' }
  | { orchestrator: 'config'; config: Config }
  | { orchestrator: 'stop' }
  | { orchestrator: 'failed'; reason: string }
  | { orchestrator: 'gather'; question: number }
  | { orchestrator: 'snapshotWanted'; question: number }
  | { orchestrator: 'snapshot'; question: number; snapshot: Snapshot }
  | { orchestrator: 'gathered'; question: number; snapshots: readonly Snapshot[] };
export type MessageOf<Kind> = Extract<Message, { orchestrator: Kind }>;

/** Others may use the channel too. */
export function isMessage<Kind extends Message['orchestrator']>(
  message: unknown,
  kind: Kind,
): message is MessageOf<Kind> {
  return (message as Partial<Message> | null)?.orchestrator === kind;
}
