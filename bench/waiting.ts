import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { storedResult } from './cases.js';
import type { Contender } from './contenders.js';
import { describeMachine } from './machine.js';
import type { Progress } from './measure.js';
import { cpuMicroseconds, peakMemoryBytes } from './processUsage.js';
import type { Stage } from './stage.js';
import { percentile } from './statistics.js';
import { waitForTask, WAYS, type TaskWaiter, type Way } from './taskWaiters.js';
import type { Waiting, WaitingFigures } from './waitingTable.js';

export interface WaitingEffort {
  /** Clients of each way at once, beside those that poll. */
  few: number;
  /** Clients of one way. */
  many: number;
  /** In how many milliseconds their tasks end. */
  endsWithinMs: number;
}

const EFFORT: WaitingEffort = { few: 200, many: 10_000, endsWithinMs: 5_000 };

/** What a process has open beside the clients' connections. */
const OTHER_FILES = 200;
const OPENED_AT_ONCE = 100;
const MEGABYTE = 1024 * 1024;

/** Begins with few clients of each way, then lets many wait, of one way after the other. */
export async function runWaiting(
  stage: Stage,
  progress: Progress,
  effort: WaitingEffort = EFFORT,
): Promise<Waiting> {
  const many = Math.min(effort.many, openFilesLimit() - OTHER_FILES);
  const rows = await measureFew(stage, effort, progress);
  for (const way of WAYS) {
    rows.push(await measureMany(stage, way, { ...effort, many }, progress));
  }
  return {
    measuredAt: new Date().toISOString(),
    machine: await describeMachine(stage),
    rows,
    remark:
      many < effort.many
        ? `Only ${many} clients in place of ${effort.many}: a process may open no more files (ulimit -n).`
        : '',
  };
}

/** Node.js raises its own limit to the hard one. */
function openFilesLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  } catch {
    return Infinity;
  }
}

/** Clients of all ways at once, so that what disturbs one way disturbs all. */
async function measureFew(
  stage: Stage,
  { few, endsWithinMs }: WaitingEffort,
  progress: Progress,
): Promise<WaitingFigures[]> {
  progress(`${few} tasks, each with a client of each way`);
  const service = await stage.start('service');
  const ids = Array.from({ length: few }, (_, index) => `few-${index}`);
  const ways = ['poll', ...WAYS] as const;
  const waiters = await openWaiters(
    stage,
    service,
    ids.flatMap((id) => ways.map((way) => ({ id, way }))),
  );
  const storedAt = await endTasks(stage, ids, endsWithinMs);
  const figures = await Promise.all(
    ways.map(async (way) => {
      const delays = await delaysOf(
        waiters.filter((waiter) => waiter.way === way),
        storedAt,
      );
      return { ...summaryOf(way, delays), ...NOT_MEASURED };
    }),
  );
  await service.stop();
  return figures;
}

const NOT_MEASURED = { peakMemoryMegabytes: undefined, cpuMicrosecondsPerClient: undefined };

async function measureMany(
  stage: Stage,
  way: Way,
  { many, endsWithinMs }: WaitingEffort,
  progress: Progress,
): Promise<WaitingFigures> {
  progress(`${many} clients: ${way}`);
  const service = await stage.start('service', { variables: { MAX_WAITERS: String(many) } });
  const ids = Array.from({ length: many }, (_, index) => `many-${way.replace(' ', '-')}-${index}`);
  const before = cpuMicroseconds(service.leader);
  const waiters = await openWaiters(
    stage,
    service,
    ids.map((id) => ({ id, way })),
  );
  const storedAt = await endTasks(stage, ids, endsWithinMs);
  const delays = await delaysOf(waiters, storedAt);
  const after = cpuMicroseconds(service.leader);
  const peak = peakMemoryBytes(service.leader);
  await service.stop();
  return {
    ...summaryOf(way, delays),
    peakMemoryMegabytes: peak === undefined ? undefined : peak / MEGABYTE,
    cpuMicrosecondsPerClient:
      before === undefined || after === undefined ? undefined : (after - before) / many,
  };
}

/** Resolves when the service listens to all their tasks. */
async function openWaiters(
  { redis }: Stage,
  { port }: Contender,
  clients: readonly { id: string; way: Way }[],
): Promise<TaskWaiter[]> {
  const waiters: TaskWaiter[] = [];
  const awaited = new Set(clients.filter(({ way }) => way !== 'poll').map(({ id }) => id)).size;
  const url = `http://127.0.0.1:${port}`;
  for (let start = 0; start < clients.length; start += OPENED_AT_ONCE) {
    const some = clients.slice(start, start + OPENED_AT_ONCE);
    waiters.push(...some.map(({ id, way }) => waitForTask(url, id, way)));
    await pause(10);
  }
  const end = performance.now() + 60_000;
  while ((await redis.pubsub('CHANNELS', 'celery-task-meta-*')).length < awaited) {
    if (performance.now() > end) throw new Error('The service does not listen to all tasks');
    await pause(50);
  }
  return waiters;
}

/** Stores each end as Celery does, evenly over a time; gives when that was begun. */
async function endTasks(
  { redis }: Stage,
  ids: readonly string[],
  milliseconds: number,
): Promise<Map<string, number>> {
  const storedAt = new Map<string, number>();
  const start = performance.now();
  const replies: Promise<unknown>[] = [];
  for (const [index, id] of ids.entries()) {
    const early = start + (milliseconds * index) / ids.length - performance.now();
    if (early > 1) await pause(early);
    const [key, value] = storedResult(id, { processed_batches: [id] });
    storedAt.set(id, performance.now());
    replies.push(redis.multi().setex(key, 3_600, value).publish(key, value).exec());
  }
  await Promise.all(replies);
  return storedAt;
}

async function delaysOf(
  waiters: readonly TaskWaiter[],
  storedAt: ReadonlyMap<string, number>,
): Promise<number[]> {
  return Promise.all(
    waiters.map(async ({ id, ended }) => (await ended) - (storedAt.get(id) ?? NaN)),
  );
}

function summaryOf(
  way: Way,
  delays: readonly number[],
): Pick<WaitingFigures, 'way' | 'clients' | 'p50Ms' | 'p99Ms' | 'longestMs'> {
  const sorted = Float64Array.from(delays).sort();
  return {
    way,
    clients: sorted.length,
    p50Ms: percentile(sorted, 50),
    p99Ms: percentile(sorted, 99),
    longestMs: percentile(sorted, 100),
  };
}
