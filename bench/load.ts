import { openConnection, type Connection } from './connection.js';
import { cpuMicroseconds } from './processUsage.js';
import { percentile } from './statistics.js';

// The load: a process of its own, which takes one job after the other from its parent.

export interface RequestText {
  /** The whole request, as it goes out. */
  text: string;
  /** What its answer holds. */
  answerHas: string;
  /** Whether it puts a message into the queue. */
  assigns: boolean;
}

export interface Job {
  port: number;
  /** The leaders of the process groups whose CPU time is read. */
  leader: number;
  redisLeader: number;
  connections: number;
  /** Sent in turn, by whichever connection is free. */
  requests: readonly RequestText[];
  warmUpMs: number;
  /** The warm-up takes longer than its time, up to a bound, where it has not made so many requests. */
  warmUpRequests: number;
  /** The measured part ends at whichever comes first. */
  measuredMs: number;
  maximumRequests: number;
}

export interface Outcome {
  requests: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
  /** Of the measured part, in microseconds; undefined where there is no /proc. */
  cpuMicroseconds: number | undefined;
  redisCpuMicroseconds: number | undefined;
  /** What this process itself used in the same time. */
  loadCpuMicroseconds: number;
  /** How many requests put a message into the queue, those of the warm-up included. */
  assigned: number;
}

export type Reply = { outcome: Outcome } | { error: string };

/** So many connections are opened at once: fewer than any server's backlog. */
const OPENED_AT_ONCE = 50;
/** How long the last answers may take after the end. */
const LAST_ANSWERS_MS = 30_000;
const LONGEST_WARM_UP_MS = 10_000;

process.on('message', (job: Job) => {
  run(job).then(
    (outcome) => {
      process.send?.({ outcome } satisfies Reply);
    },
    (error: unknown) => {
      process.send?.({ error: error instanceof Error ? error.message : String(error) });
    },
  );
});
process.on('disconnect', () => process.exit());

async function run(job: Job): Promise<Outcome> {
  let fail: (error: Error) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  // Raced below; a failure between two races must not go unhandled.
  failed.catch(() => undefined);
  const connections: Connection[] = [];
  try {
    while (connections.length < job.connections) {
      const count = Math.min(OPENED_AT_ONCE, job.connections - connections.length);
      const opening = Array.from({ length: count }, () => openConnection(job.port, fail));
      connections.push(...(await Promise.race([Promise.all(opening), failed])));
    }
    const phase = (plan: PhasePlan): Promise<Phase> =>
      Promise.race([runPhase(job, connections, plan), failed]);
    const warmUp = await phase({
      milliseconds: job.warmUpMs,
      minimumRequests: job.warmUpRequests,
      checksAnswers: true,
    });
    const usedCpu = countCpu(job.leader);
    const usedRedisCpu = countCpu(job.redisLeader);
    const ownBefore = process.cpuUsage();
    const measured = await phase({ milliseconds: job.measuredMs });
    const own = process.cpuUsage(ownBefore);
    const cpu = { cpuMicroseconds: usedCpu(), redisCpuMicroseconds: usedRedisCpu() };
    const latencies = Float64Array.from(measured.latencies).sort();
    return {
      requests: latencies.length,
      seconds: measured.seconds,
      p50Ms: percentile(latencies, 50),
      p99Ms: percentile(latencies, 99),
      ...cpu,
      loadCpuMicroseconds: own.user + own.system,
      assigned: warmUp.assigned + measured.assigned,
    };
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** Returns the function that tells how much CPU time a process group has used since. */
function countCpu(leader: number): () => number | undefined {
  const before = cpuMicroseconds(leader);
  return () => {
    const after = cpuMicroseconds(leader);
    return before === undefined || after === undefined ? undefined : after - before;
  };
}

interface PhasePlan {
  milliseconds: number;
  minimumRequests?: number;
  checksAnswers?: boolean;
}

interface Phase {
  seconds: number;
  /** In milliseconds, one for each request. */
  latencies: number[];
  assigned: number;
}

/** Keeps every connection busy until the time or the requests are used up and all answers are in. */
function runPhase(
  { requests, maximumRequests }: Job,
  connections: readonly Connection[],
  { milliseconds, minimumRequests = 0, checksAnswers = false }: PhasePlan,
): Promise<Phase> {
  const prepared = requests.map((request) => ({ ...request, bytes: Buffer.from(request.text) }));
  const latencies: number[] = [];
  const start = performance.now();
  const end = start + milliseconds;
  const latestEnd = minimumRequests === 0 ? end : Math.max(end, start + LONGEST_WARM_UP_MS);
  let sent = 0;
  let assigned = 0;
  let busy = connections.length;

  return new Promise((resolve, reject) => {
    const tooLate = setTimeout(
      () => {
        reject(new Error(`${busy} requests have no answer after ${LAST_ANSWERS_MS / 1000} s`));
      },
      latestEnd - start + LAST_ANSWERS_MS,
    );
    const finish = (): void => {
      clearTimeout(tooLate);
      resolve({ seconds: (performance.now() - start) / 1000, latencies, assigned });
    };
    const next = (connection: Connection): void => {
      const request = prepared[sent % prepared.length];
      const sentAt = performance.now();
      const isOver = sentAt >= end && (sent >= minimumRequests || sentAt >= latestEnd);
      if (request === undefined || isOver || sent >= maximumRequests) {
        busy -= 1;
        if (busy === 0) finish();
        return;
      }
      sent += 1;
      if (request.assigns) assigned += 1;
      connection.exchange(request.bytes, (answer) => {
        latencies.push(performance.now() - sentAt);
        if (checksAnswers && !answer().includes(request.answerHas)) {
          clearTimeout(tooLate);
          reject(new Error(`An answer lacks ${request.answerHas}: ${answer().slice(0, 1_000)}`));
          return;
        }
        next(connection);
      });
    };
    for (const connection of connections) next(connection);
  });
}
