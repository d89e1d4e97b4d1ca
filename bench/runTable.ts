import { resolve } from 'node:path';

import { CASES } from './cases.js';
import { compare, type Row } from './comparison.js';
import type { Contender, ContenderName } from './contenders.js';
import { describeMachine, type Machine } from './machine.js';
import { measureCase, measureRound, type Effort, type Progress } from './measure.js';
import type { Options } from './options.js';
import type { Stage } from './stage.js';
import { measureStartup, type Startup } from './startup.js';

/** What `npm run bench` writes as JSON. */
export interface Results {
  measuredAt: string;
  machine: Machine;
  effort: Effort;
  rows: Row[];
  startups: Startup[];
}

const FULL: Effort = { connections: 32, rounds: 5, warmUpMs: 500, measuredMs: 3_000, starts: 9 };
/** Short, for every commit: the ratios within one run are steadier than the figures themselves. */
const GUARD: Effort = { connections: 32, rounds: 3, warmUpMs: 200, measuredMs: 800 };
const QUICK: Effort = { connections: 32, rounds: 1, warmUpMs: 200, measuredMs: 1_000, starts: 3 };

/**
 * Pools are full after so long. What compilers do goes by requests, of which a busy machine makes fewer
 * in the same time; Python has no compiler to wait for.
 */
const FIRST_WARM_UP_MS = 1_500;
const FIRST_WARM_UP_REQUESTS = { python: 0, node: 10_000 };

/** Measures every chosen contender at every chosen case. */
export async function runTable(
  stage: Stage,
  options: Pick<Options, 'cases' | 'quick' | 'mode' | 'profileFolder'> & {
    contenders: readonly ContenderName[];
  },
  progress: Progress,
  effort: Effort = effortOf(options),
): Promise<Results> {
  const started = [...options.contenders, 'bare-express'] as const;
  const startups = await measureStartup(stage, started, effort.starts ?? 0, progress);
  const contenders = await startWarm(stage, options.contenders, options.profileFolder);
  const rows: Row[] = [];
  for (const work of options.cases) {
    rows.push(...compare(work.name, await measureCase(stage, work, contenders, effort, progress)));
  }
  return {
    measuredAt: new Date().toISOString(),
    machine: await describeMachine(stage),
    effort,
    rows,
    startups,
  };
}

function effortOf({ mode, quick }: Pick<Options, 'mode' | 'quick'>): Effort {
  if (mode === 'guard') return GUARD;
  return quick ? QUICK : FULL;
}

/** Starts contenders and warms them up. */
export async function startWarm(
  stage: Stage,
  names: readonly ContenderName[],
  profileFolder?: string,
): Promise<Map<ContenderName, Contender>> {
  const nodeArguments =
    profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(profileFolder)}`];
  const contenders = new Map<ContenderName, Contender>();
  for (const name of names) {
    const contender = await stage.start(name, { nodeArguments });
    contenders.set(name, contender);
    await warmUp(stage, contender);
  }
  return contenders;
}

/** Warms a contender up with every kind of request. */
export async function warmUp(stage: Stage, contender: Contender): Promise<void> {
  const mixed = CASES.find(({ name }) => name === 'mixed');
  if (mixed === undefined) return;
  await measureRound(stage, mixed, contender, {
    connections: 32,
    rounds: 1,
    warmUpMs: FIRST_WARM_UP_MS,
    warmUpRequests: FIRST_WARM_UP_REQUESTS[contender.name.startsWith('peer-') ? 'python' : 'node'],
    measuredMs: 0,
  });
}
