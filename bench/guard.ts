import { readFileSync } from 'node:fs';

import type { Row } from './comparison.js';
import { figure } from './textTable.js';

/** What the service may cost at a case, as ratios of CPU time per request within one run. */
export interface Bounds {
  /** The service's to the floor's. */
  floorCpuAtMost: number;
  /** The peer's, in its cheaper form, to the service's. */
  peerCpuAtLeast: number;
}

/** By the names of cases. */
export function readBounds(path: string): Record<string, Bounds> {
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, Bounds>;
}

export interface Verdict {
  holds: boolean;
  sentence: string;
}

/** Holds the service's rows against the bounds; one verdict for each bound. */
export function judge(rows: readonly Row[], bounds: Readonly<Record<string, Bounds>>): Verdict[] {
  return rows
    .filter(({ contender }) => contender === 'service')
    .flatMap((row) => {
      const bound = bounds[row.case];
      if (bound === undefined) return [];
      const { floorCpu, peerCpu } = row.ratios;
      const cost = `${row.case}: the service uses ${figure(row.cpuMicrosecondsPerRequest)} µs of CPU per request`;
      return [
        {
          holds: floorCpu !== undefined && floorCpu <= bound.floorCpuAtMost,
          sentence: `${cost}, ${figure(floorCpu)} times what the floor uses; at most ${bound.floorCpuAtMost} times is allowed`,
        },
        {
          holds: peerCpu !== undefined && peerCpu >= bound.peerCpuAtLeast,
          sentence: `${cost}; the peer uses ${figure(peerCpu)} times as much; at least ${bound.peerCpuAtLeast} times is demanded`,
        },
      ];
    });
}
