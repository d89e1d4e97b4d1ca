import type { Case } from './cases.js';
import type { Contender } from './contenders.js';
import type { Outcome } from './load.js';
import { peakMemoryBytes, resetPeakMemory } from './processUsage.js';
import { QUEUE, type Stage } from './stage.js';
import { knownMedian, median, ratio } from './statistics.js';

/** How a contender did at a case: the medians of its rounds, and the highest of its peaks of memory. */
export interface Figures {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Undefined where there is no /proc. */
  cpuMicrosecondsPerRequest: number | undefined;
  peakMemoryMegabytes: number | undefined;
  /** What a request costs Redis. */
  redisCpuMicrosecondsPerRequest: number | undefined;
  /** What a request costs the load generator. */
  loadCpuMicrosecondsPerRequest: number;
}

export interface Effort {
  connections: number;
  rounds: number;
  warmUpMs: number;
  /** The least number of requests of a warm-up; none unless given. */
  warmUpRequests?: number;
  measuredMs: number;
  /** How many times each contender is started to time its start; none unless given. */
  starts?: number;
  /** How many messages the queue holds before and after each round; none unless given. */
  keptMessages?: number;
}

/** Called after each round, with a line for people. */
export type Progress = (line: string) => void;

/** Measures the contenders in turn, round by round, so that what disturbs one disturbs all. */
export async function measureCase<Name>(
  stage: Stage,
  work: Case,
  contenders: ReadonlyMap<Name, Contender>,
  effort: Effort,
  progress: Progress,
): Promise<Map<Name, Figures>> {
  const rounds = new Map<Name, Round[]>([...contenders.keys()].map((name) => [name, []]));
  for (let round = 1; round <= effort.rounds; round++) {
    for (const [name, contender] of contenders) {
      const measured = await measureRound(stage, work, contender, effort);
      if (measured.outcome.requests === 0) throw new Error(`${contender.name} answered nothing`);
      rounds.get(name)?.push(measured);
      const speed = Math.round(measured.outcome.requests / measured.outcome.seconds);
      progress(`${work.name}, round ${round}, ${String(name)}: ${speed} requests/s`);
    }
  }
  return new Map([...rounds].map(([name, measured]) => [name, summarize(measured)]));
}

interface Round {
  outcome: Outcome;
  peakMemory: number | undefined;
}

/** Measures one contender once, and makes sure that each task that it accepted is in the queue. */
export async function measureRound(
  { redis, redisLeader, generator }: Stage,
  work: Case,
  contender: Contender,
  effort: Effort,
): Promise<Round> {
  const { keptMessages = 0 } = effort;
  resetPeakMemory(contender.leader);
  const outcome = await generator.run({
    port: contender.port,
    leader: contender.leader,
    redisLeader: redisLeader(),
    connections: effort.connections,
    requests: work.requests,
    warmUpMs: effort.warmUpMs,
    warmUpRequests: effort.warmUpRequests ?? 0,
    measuredMs: effort.measuredMs,
    maximumRequests: work.maximumRequests,
  });
  const peakMemory = peakMemoryBytes(contender.leader);
  const expected = keptMessages + (contender.assigns ? outcome.assigned : 0);
  const queued = await redis.llen(QUEUE);
  if (queued !== expected) {
    throw new Error(`${contender.name}: ${expected} tasks were assigned, ${queued} are queued`);
  }
  // LPUSH puts the newest first, so that the last ones were there before.
  await (keptMessages === 0 ? redis.del(QUEUE) : redis.ltrim(QUEUE, -keptMessages, -1));
  return { outcome, peakMemory };
}

function summarize(rounds: readonly Round[]): Figures {
  const outcomes = rounds.map(({ outcome }) => outcome);
  const peaks = rounds.map(({ peakMemory }) => peakMemory).filter((peak) => peak !== undefined);
  return {
    requestsPerSecond: median(outcomes.map(({ requests, seconds }) => requests / seconds)),
    p50Ms: median(outcomes.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(outcomes.map(({ p99Ms }) => p99Ms)),
    cpuMicrosecondsPerRequest: knownMedian(
      outcomes.map(({ cpuMicroseconds, requests }) => ratio(cpuMicroseconds, requests)),
    ),
    redisCpuMicrosecondsPerRequest: knownMedian(
      outcomes.map(({ redisCpuMicroseconds, requests }) => ratio(redisCpuMicroseconds, requests)),
    ),
    peakMemoryMegabytes: peaks.length === 0 ? undefined : Math.max(...peaks) / 1e6,
    loadCpuMicrosecondsPerRequest: median(
      outcomes.map(({ loadCpuMicroseconds, requests }) => loadCpuMicroseconds / requests),
    ),
  };
}
