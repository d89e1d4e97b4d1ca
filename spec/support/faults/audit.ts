import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import type { Answer } from './load.js';
import { report } from './figures.js';

/** What the answers said, held against what is in the queue. Ids are kept, so that a fault can be followed up. */
export interface Audit {
  requests: number;
  ok: number;
  /** How many of each other answer, by its status or its socket error. */
  others: ReadonlyMap<string, number>;
  /** Answered with 200, and not queued. */
  lost: readonly string[];
  /** Queued more than once. */
  doubled: readonly string[];
  /** Answered with `queued: "no"`, and queued. */
  wronglyNo: readonly string[];
  /** A 500 or 503 that does not say what became of the task. */
  untold: readonly Answer[];
  /** The longest time that an answer took. */
  slowest: number;
}

interface Queued {
  id: string;
  marker: string;
}

/** Reads the queue, which no worker consumes, and holds the answers against it. */
export async function audit(redisUrl: string, answers: readonly Answer[]): Promise<Audit> {
  return compare(answers, await readQueue(redisUrl));
}

export async function readQueue(redisUrl: string): Promise<Queued[]> {
  const client = new Redis(redisUrl);
  try {
    const texts = await client.lrange('worker_queue', 0, -1);
    return texts.map((text) => {
      const message = JSON.parse(text) as { body: string; headers: { id: string } };
      const [[params]] = JSON.parse(Buffer.from(message.body, 'base64').toString()) as [
        [{ marker: string }],
      ];
      return { id: message.headers.id, marker: params.marker };
    });
  } finally {
    client.disconnect();
  }
}

function compare(answers: readonly Answer[], queue: readonly Queued[]): Audit {
  const ids = new Set(queue.map(({ id }) => id));
  const markers = new Set(queue.map(({ marker }) => marker));
  const others = new Map<string, number>();
  for (const { status, socketError } of answers) {
    const kind = socketError ?? String(status);
    if (status !== 200) {
      others.set(kind, (others.get(kind) ?? 0) + 1);
    }
  }
  const lost = answers.filter(({ status, taskId = '' }) => status === 200 && !ids.has(taskId));
  const wronglyNo = answers.filter(
    ({ queued, assignment, taskId = '' }) =>
      queued === 'no' && (markers.has(assignment.marker) || ids.has(taskId)),
  );
  return {
    requests: answers.length,
    ok: answers.filter(({ status }) => status === 200).length,
    others,
    lost: lost.map(({ taskId = '' }) => taskId),
    doubled: [...repeated(queue.map(({ id }) => id)), ...repeated(queue.map((one) => one.marker))],
    wronglyNo: wronglyNo.map(({ assignment }) => assignment.marker),
    untold: answers.filter(
      ({ status = 0, queued = '' }) => status >= 500 && !['no', 'unknown'].includes(queued),
    ),
    slowest: answers.reduce((most, one) => Math.max(most, one.finishedAt - one.startedAt), 0),
  };
}

function repeated(values: readonly string[]): string[] {
  const seen = new Set<string>();
  return values.filter((value) => seen.size === seen.add(value).size);
}

/** Puts an audit into the table at the end. `longest` is the slowest answer unless given. */
export function reportAudit(
  scenario: string,
  found: Audit,
  more: { longest?: string; remark?: string } = {},
): void {
  report({
    scenario,
    requests: found.requests,
    ok: found.ok,
    others: [...found.others].map(([kind, count]) => `${count} x ${kind}`).join(', '),
    lost: found.lost.length,
    doubled: found.doubled.length,
    wronglyNo: found.wronglyNo.length,
    longest: more.longest ?? `answer ${seconds(found.slowest)}`,
    remark: more.remark ?? '',
  });
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1_000).toFixed(2)} s`;
}

/** Each task that was said to be queued is, once; none is that was said not to be. */
export function assertTruthful(found: Audit): void {
  for (const fault of ['lost', 'doubled', 'wronglyNo', 'untold'] as const) {
    assertNone(found[fault], fault);
  }
}

/** Fails with how many there are and the first of them: all of them would fill the screen. */
export function assertNone(found: readonly unknown[], what: string): void {
  const shown = JSON.stringify(found.slice(0, 3), undefined, 2);
  assert.equal(found.length, 0, `${found.length} ${what}, such as ${shown}`);
}

export function assertAllOk(found: Audit): void {
  assert.deepEqual([...found.others], []);
  assert.equal(found.ok, found.requests);
}
