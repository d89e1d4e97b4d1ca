import type { Config } from '../config/config.js';
import type { Snapshot } from '../metrics/snapshots.js';

/** Marks a worker among processes: in this program, and in the output of `ps`. */
export const WORKER_ARGUMENT = '--worker';

/**
 * The messages between the primary and its workers.
 *
 *     worker  -> primary   joined    failed   gather                                      snapshot
 *     primary -> worker    config    stop     reload   snapshotWanted (to all)   gathered
 *
 * A worker that is scraped sends `gather`. The primary asks every worker for its `snapshot`, and answers `gathered`.
 * `question` tells which answer belongs to which question.
 */
export type Message =
  | { orchestrator: 'joined' }
  | { orchestrator: 'config'; config: Config }
  | { orchestrator: 'stop' }
  | { orchestrator: 'reload' }
  | { orchestrator: 'failed'; reason: string }
  | { orchestrator: 'gather'; question: number }
  | { orchestrator: 'snapshotWanted'; question: number }
  | { orchestrator: 'snapshot'; question: number; snapshot: Snapshot }
  | { orchestrator: 'gathered'; question: number; snapshots: readonly Snapshot[] };
export type MessageOf<Kind> = Extract<Message, { orchestrator: Kind }>;

/** Tells this program's messages from those of others on the channel. */
export function isMessage<Kind extends Message['orchestrator']>(
  message: unknown,
  kind: Kind,
): message is MessageOf<Kind> {
  return (message as Partial<Message> | null)?.orchestrator === kind;
}
