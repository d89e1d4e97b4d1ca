import { ANY_NUMBER, CASES, resultRequest, storedResult, type Case } from './cases.js';
import type { Contender } from './contenders.js';
import { describeMachine, type Machine } from './machine.js';
import { measureCase, type Effort, type Figures, type Progress } from './measure.js';
import { processCount } from './processUsage.js';
import { fillQueue } from './queueFilling.js';
import { startWarm, warmUp } from './runTable.js';
import type { Stage } from './stage.js';
import { figure } from './textTable.js';

export interface Point extends Figures {
  /** What varies along the curve. */
  value: number;
  contender: string;
}

export interface Curve {
  title: string;
  /** Names the points' value and its unit. */
  valueName: string;
  points: Point[];
}

/** What `npm run bench -- --curves` writes as JSON. */
export interface Curves {
  measuredAt: string;
  machine: Machine;
  curves: Curve[];
}

const CONNECTIONS = [1, 8, 32, 128, 512, 1000];
const QUEUE_DEPTHS = [0, 1_000, 10_000, 100_000, 1_000_000];
const RESULT_BYTES = [100, 1_000, 10_000, 100_000, 1_000_000, 5_000_000];
const PROCESSES = [1, 2];
/** As kubernetes/orchestrator.yaml sets it: garbage is collected earlier. */
const HEAP_LIMIT = '--max-old-space-size=512';

const EFFORT: Effort = { connections: 32, rounds: 1, warmUpMs: 500, measuredMs: 2_000 };
/** Publishing to a short queue and to a long one differ by little, if at all. */
const DEPTH_ROUNDS = 3;
/** Few enough that the last of the largest results arrives within RESULT_TIMEOUT_MS. */
const PAYLOAD_CONNECTIONS = 4;

export async function runCurves(stage: Stage, progress: Progress): Promise<Curves> {
  const contenders = await startWarm(stage, ['service', 'peer-sync', 'peer-async', 'floor']);
  const withRedis = new Map([...contenders].filter(([, contender]) => contender.assigns));
  return {
    measuredAt: new Date().toISOString(),
    machine: await describeMachine(stage),
    curves: [
      await byConnections(stage, contenders, progress),
      await byQueueDepth(stage, withRedis, progress),
      await byResultSize(stage, withRedis, progress),
      await byProcesses(stage, 'assign-small', progress),
      await byProcesses(stage, 'result-hit', progress),
    ],
  };
}

async function byConnections(
  stage: Stage,
  contenders: ReadonlyMap<string, Contender>,
  progress: Progress,
): Promise<Curve> {
  const bounded = await stage.start('service', { variables: { NODE_OPTIONS: HEAP_LIMIT } });
  await warmUp(stage, bounded);
  const all = new Map([...contenders, [`service, ${HEAP_LIMIT}`, bounded]]);
  const points: Point[] = [];
  for (const connections of CONNECTIONS) {
    const effort = { ...EFFORT, connections };
    const figures = await measureCase(stage, assignSmall(), all, effort, progress);
    points.push(...pointsOf(connections, figures));
  }
  await bounded.stop();
  return { title: 'Small assignments by connections', valueName: 'connections', points };
}

async function byQueueDepth(
  stage: Stage,
  contenders: ReadonlyMap<string, Contender>,
  progress: Progress,
): Promise<Curve> {
  const points: Point[] = [];
  for (const depth of QUEUE_DEPTHS) {
    await fillQueue(stage, depth);
    const effort = { ...EFFORT, rounds: DEPTH_ROUNDS, keptMessages: depth };
    const figures = await measureCase(stage, assignSmall(), contenders, effort, progress);
    points.push(...pointsOf(depth, figures));
  }
  await fillQueue(stage, 0);
  return { title: 'Small assignments by queue depth', valueName: 'messages', points };
}

async function byResultSize(
  stage: Stage,
  contenders: ReadonlyMap<string, Contender>,
  progress: Progress,
): Promise<Curve> {
  const points: Point[] = [];
  for (const bytes of RESULT_BYTES) {
    const id = `result-of-${bytes}-bytes`;
    await stage.redis.set(...storedResult(id, resultOf(bytes)));
    const work = {
      name: id,
      requests: [resultRequest(id, 'completed')],
      maximumRequests: ANY_NUMBER,
    };
    const effort = { ...EFFORT, connections: PAYLOAD_CONNECTIONS };
    const figures = await measureCase(stage, work, contenders, effort, progress);
    points.push(...pointsOf(bytes, figures));
  }
  const title = `Results by size, ${PAYLOAD_CONNECTIONS} connections`;
  return { title, valueName: 'bytes', points };
}

async function byProcesses(stage: Stage, name: string, progress: Progress): Promise<Curve> {
  const work = caseOf(name);
  const points: Point[] = [];
  for (const processes of PROCESSES) {
    const variables = { WEB_CONCURRENCY: String(processes) };
    const service = await stage.start('service', { variables });
    // The primary process of several counts too.
    const label = `service, ${processCount(service.leader)} running`;
    const figures = await measureCase(
      stage,
      work,
      new Map([[label, service]]),
      { ...EFFORT, warmUpMs: 3_000, rounds: DEPTH_ROUNDS },
      progress,
    );
    points.push(...pointsOf(processes, figures));
    await service.stop();
  }
  return { title: `By processes, ${name}`, valueName: 'WEB_CONCURRENCY', points };
}

function assignSmall(): Case {
  return caseOf('assign-small');
}

function caseOf(wanted: string): Case {
  const found = CASES.find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`There is no case ${wanted}`);
  return found;
}

/** A value of about `bytes` bytes as JSON. */
function resultOf(bytes: number): unknown {
  const line = { id: 100_001, name: 'Batch of the night shift', amount: 1234.5 };
  const count = Math.max(1, Math.round(bytes / (JSON.stringify(line).length + 1)));
  return { lines: Array.from({ length: count }, () => line) };
}

function pointsOf(value: number, figures: ReadonlyMap<string, Figures>): Point[] {
  return [...figures].map(([contender, own]) => ({ value, contender, ...own }));
}

/** The heads of a curve's table, and its rows. */
export function curveCells({ valueName, points }: Curve): [string[], string[][]] {
  const head = [
    ...['contender', 'requests/s', 'p50 ms', 'p99 ms', 'CPU µs/request', 'peak memory MB'],
    'Redis CPU µs/request',
  ];
  const rows = points.map((point) => [
    point.value.toLocaleString('en-US'),
    point.contender,
    figure(point.requestsPerSecond),
    figure(point.p50Ms),
    figure(point.p99Ms),
    figure(point.cpuMicrosecondsPerRequest),
    figure(point.peakMemoryMegabytes),
    figure(point.redisCpuMicrosecondsPerRequest),
  ]);
  return [[valueName, ...head], rows];
}
