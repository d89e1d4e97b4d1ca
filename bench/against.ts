import type { Case } from './cases.js';
import type { Contender } from './contenders.js';
import { describeMachine, type Machine } from './machine.js';
import { measureRound, type Effort, type Progress } from './measure.js';
import { warmUp } from './runTable.js';
import type { Stage } from './stage.js';
import { knownMedian, ratio } from './statistics.js';

/** What a request costs here and in another build of the service. */
export interface Comparison {
  case: string;
  connections: number;
  /** CPU time per request in microseconds: the median of all rounds. Undefined where there is no /proc. */
  here: number | undefined;
  there: number | undefined;
  /** The median of the rounds' own ratios, in percent: 5 where a request costs 5 % more here. */
  morePercent: number | undefined;
  /** The same ratio for each pair of processes, whose layouts in memory differ. */
  perPairPercent: (number | undefined)[];
}

/** What `npm run bench -- --against` writes as JSON. */
export interface Comparisons {
  measuredAt: string;
  machine: Machine;
  effort: AlternatingEffort;
  rows: Comparison[];
}

export interface AlternatingEffort {
  /** Each pair is started anew: two processes with the same code may differ by 3 %. */
  pairs: number;
  rounds: number;
  connections: readonly number[];
  warmUpMs: number;
  /** Each round's, so that on a busy machine it takes longer rather than measure less. */
  requests: number;
}

/** However busy the machine is, a round ends. */
const LONGEST_ROUND_MS = 20_000;

/** Short rounds in turn: whatever disturbs the machine disturbs both. */
const EFFORT: AlternatingEffort = {
  pairs: 4,
  rounds: 10,
  connections: [32, 1_000],
  warmUpMs: 100,
  requests: 5_000,
};

/**
 * Measures this build and another one under the same load, in alternating rounds.
 *
 * @param checkout the folder of the other build's checkout
 */
export async function runAgainst(
  stage: Stage,
  checkout: string,
  cases: readonly Case[],
  progress: Progress,
  effort: AlternatingEffort = EFFORT,
): Promise<Comparisons> {
  const measured = new Map<string, Measured[]>();
  for (let pair = 1; pair <= effort.pairs; pair++) {
    const here = await stage.start('service');
    const there = await stage.start('service', { checkout });
    await warmUp(stage, here);
    await warmUp(stage, there);
    for (const connections of effort.connections) {
      for (const work of cases) {
        const rounds = await alternate(
          stage,
          { ...work, maximumRequests: Math.min(work.maximumRequests, effort.requests) },
          [here, there],
          { ...effort, connections, measuredMs: LONGEST_ROUND_MS },
        );
        const key = `${work.name} ${connections}`;
        measured.set(key, [...(measured.get(key) ?? []), rounds]);
        progress(`pair ${pair}, ${key} connections: ${percentText(moreOf(rounds))}`);
      }
    }
    await here.stop();
    await there.stop();
  }
  const rows = effort.connections.flatMap((connections) =>
    cases.map((work) =>
      comparisonOf(work.name, connections, measured.get(`${work.name} ${connections}`) ?? []),
    ),
  );
  const measuredAt = new Date().toISOString();
  return { measuredAt, machine: await describeMachine(stage), effort, rows };
}

/** CPU time per request in each round. */
interface Measured {
  here: (number | undefined)[];
  there: (number | undefined)[];
}

async function alternate(
  stage: Stage,
  work: Case,
  [here, there]: readonly [Contender, Contender],
  effort: Effort,
): Promise<Measured> {
  const measured: Measured = { here: [], there: [] };
  const measure = async (contender: Contender): Promise<number | undefined> => {
    const { outcome } = await measureRound(stage, work, contender, effort);
    return ratio(outcome.cpuMicroseconds, outcome.requests);
  };
  for (let round = 0; round < effort.rounds; round++) {
    // Each goes first in every other round: the second may find Redis and the load warmer.
    if (round % 2 === 0) {
      measured.here.push(await measure(here));
      measured.there.push(await measure(there));
    } else {
      measured.there.push(await measure(there));
      measured.here.push(await measure(here));
    }
  }
  return measured;
}

function comparisonOf(name: string, connections: number, pairs: readonly Measured[]): Comparison {
  const here = pairs.flatMap((pair) => pair.here);
  const there = pairs.flatMap((pair) => pair.there);
  return {
    case: name,
    connections,
    here: knownMedian(here),
    there: knownMedian(there),
    morePercent: moreOf({ here, there }),
    perPairPercent: pairs.map(moreOf),
  };
}

function moreOf({ here, there }: Measured): number | undefined {
  const factor = knownMedian(here.map((cost, round) => ratio(cost, there[round])));
  return factor === undefined ? undefined : (factor - 1) * 100;
}

export const AGAINST_COLUMNS = [
  'case',
  'connections',
  'CPU µs/request here',
  'there',
  'here, beside there',
  'per pair of processes',
];

export function againstCells({ rows }: Comparisons): string[][] {
  return rows.map((row) => [
    row.case,
    String(row.connections),
    row.here?.toFixed(1) ?? '–',
    row.there?.toFixed(1) ?? '–',
    percentText(row.morePercent),
    row.perPairPercent.map(percentText).join(', '),
  ]);
}

function percentText(percent: number | undefined): string {
  return percent === undefined ? '–' : `${percent < 0 ? '' : '+'}${percent.toFixed(1)} %`;
}
