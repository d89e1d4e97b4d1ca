import type { Machine } from './machine.js';
import type { Way } from './taskWaiters.js';
import { figure } from './textTable.js';

/** How soon clients hear that their tasks have ended, from when a worker begins to store that. */
export interface WaitingFigures {
  way: Way;
  clients: number;
  p50Ms: number;
  p99Ms: number;
  longestMs: number;
  /** Of the service, with all of them waiting and then answered; undefined where it was not measured. */
  peakMemoryMegabytes: number | undefined;
  cpuMicrosecondsPerClient: number | undefined;
}

/** What `npm run bench -- --waiting` writes as JSON. */
export interface Waiting {
  measuredAt: string;
  machine: Machine;
  rows: WaitingFigures[];
  /** What could not be measured as it should. */
  remark: string;
}

export const WAITING_COLUMNS = [
  'way',
  'clients',
  'p50 ms',
  'p99 ms',
  'longest ms',
  'peak memory MB',
  'CPU µs/client',
] as const;

export function waitingCells({ rows }: Waiting): string[][] {
  return rows.map((row) => [
    row.way === 'poll' ? 'poll every 2 s, as the old service' : row.way,
    row.clients.toLocaleString('en-US'),
    ...[row.p50Ms, row.p99Ms, row.longestMs].map(figure),
    figure(row.peakMemoryMegabytes),
    figure(row.cpuMicrosecondsPerClient),
  ]);
}
