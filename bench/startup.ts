import type { StartedName } from './contenders.js';
import type { Progress } from './measure.js';
import type { Stage } from './stage.js';
import { median } from './statistics.js';
import { figure } from './textTable.js';

/** How long a contender takes from the start of its process to its first answer. */
export interface Startup {
  contender: StartedName;
  /** Each start's, in turn. */
  startsMs: number[];
  medianMs: number;
}

/** Starts each contender so many times, in turn, with Redis up and nothing else running. */
export async function measureStartup(
  stage: Stage,
  names: readonly StartedName[],
  starts: number,
  progress: Progress,
): Promise<Startup[]> {
  const times = new Map(names.map((name) => [name, [] as number[]]));
  for (let start = 1; start <= starts; start++) {
    for (const [name, startsMs] of times) {
      const contender = await stage.start(name);
      startsMs.push(contender.startMs);
      await contender.stop();
      progress(`start ${start}, ${name}: ${Math.round(contender.startMs)} ms`);
    }
  }
  return [...times].map(([contender, startsMs]) => ({
    contender,
    startsMs,
    medianMs: median(startsMs),
  }));
}

/** The medians in one line; empty where nothing was started for it. */
export function startupText(startups: readonly Startup[]): string {
  const known = startups.filter(({ startsMs }) => startsMs.length > 0);
  const times = known.map(({ contender, medianMs }) => `${contender} ${figure(medianMs)} ms`);
  return times.length === 0 ? '' : `From start to first answer: ${times.join(', ')}.`;
}
