import type { ContenderName } from './contenders.js';
import type { Figures } from './measure.js';
import { ratio } from './statistics.js';
import { figure } from './textTable.js';

/** How a contender did at a case, by itself and beside the others. */
export interface Row extends Figures {
  case: string;
  contender: ContenderName;
  ratios: Ratios;
}

/** Each undefined where one of the two was not measured. */
export interface Ratios {
  /** How many times the CPU time per request of the Python peer's cheaper form is this contender's. */
  peerCpu: number | undefined;
  /** How many times the p99 of the peer's quicker form is this contender's. */
  peerP99: number | undefined;
  /** How many times the requests/s of the peer's faster form this contender answers. */
  peerSpeed: number | undefined;
  /** How many times this contender's CPU time per request is that of the peer in Go. */
  goCpu: number | undefined;
  /** How many times this contender's CPU time per request is the floor's. */
  floorCpu: number | undefined;
}

const PEER_FORMS = ['peer-sync', 'peer-async'] as const;

/** The rows of one case. The peer in Python is taken in the form that is better at the figure in question. */
export function compare(name: string, figures: ReadonlyMap<ContenderName, Figures>): Row[] {
  const peers = PEER_FORMS.map((form) => figures.get(form)).filter((peer) => peer !== undefined);
  const peerCpu = least(peers.map((peer) => peer.cpuMicrosecondsPerRequest));
  const peerP99 = least(peers.map(({ p99Ms }) => p99Ms));
  const peerSlowness = least(peers.map(({ requestsPerSecond }) => 1 / requestsPerSecond));
  const goCpu = figures.get('peer-go')?.cpuMicrosecondsPerRequest;
  const floorCpu = figures.get('floor')?.cpuMicrosecondsPerRequest;
  return [...figures].map(([contender, own]) => ({
    case: name,
    contender,
    ...own,
    ratios: {
      peerCpu: ratio(peerCpu, own.cpuMicrosecondsPerRequest),
      peerP99: ratio(peerP99, own.p99Ms),
      peerSpeed: ratio(peerSlowness, 1 / own.requestsPerSecond),
      goCpu: ratio(own.cpuMicrosecondsPerRequest, goCpu),
      floorCpu: ratio(own.cpuMicrosecondsPerRequest, floorCpu),
    },
  }));
}

export const COLUMNS = [
  'case',
  'contender',
  'requests/s',
  'p50 ms',
  'p99 ms',
  'CPU µs/request',
  'peak memory MB',
  'CPU: peer ÷ this',
  'p99: peer ÷ this',
  'CPU: this ÷ Go',
  'CPU: this ÷ floor',
] as const;

/** The rows as cells under COLUMNS. */
export function cells(rows: readonly Row[]): string[][] {
  return rows.map((row) => [
    row.case,
    row.contender,
    Math.round(row.requestsPerSecond).toLocaleString('en-US'),
    figure(row.p50Ms),
    figure(row.p99Ms),
    figure(row.cpuMicrosecondsPerRequest),
    figure(row.peakMemoryMegabytes),
    figure(row.ratios.peerCpu),
    figure(row.ratios.peerP99),
    figure(row.ratios.goCpu),
    figure(row.ratios.floorCpu),
  ]);
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
