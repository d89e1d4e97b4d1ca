import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { waitForTask, WAYS, type TaskWaiter } from '../../bench/taskWaiters.js';
import { seconds } from '../support/faults/audit.js';
import { cutConnectionsEvery } from '../support/faults/cuts.js';
import { report } from '../support/faults/figures.js';
import { onStage } from '../support/faults/stage.js';
import { startTcpProxy } from '../support/faults/tcpProxy.js';
import { publishState, subscribersOf } from '../support/states.js';

const TASKS = 200;

describe('Clients that wait for tasks', function () {
  this.timeout(120_000);

  it('hear of each end while connections are cut every 50 ms', async () => {
    await onStage(async ({ control, service }) => {
      const { url } = await service();
      const waiters = await openWaiters(url, control);
      const endCuts = cutConnectionsEvery(50, control);
      const storedAt = await endTasks(control, waiters, 20);
      const late = await lateness(waiters, storedAt);
      const cut = await endCuts();
      tell('waiting: connections cut each 50 ms', late, `${cut} connections cut`);
      assert.ok(cut > 50, `${cut} connections cut`);
      assert.ok(Math.max(...late) < 500, `${Math.max(...late)} ms late`);
    });
  });

  it('hear of each end that is stored while Redis restarts and before it is connected to again', async () => {
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always'];
    await onStage(async ({ redis, control, service }) => {
      const { url } = await service();
      const waiters = await openWaiters(url, control);
      const ids = idsOf(waiters);
      const storedAt = new Map<string, number>();
      for (let round = 0; round < 4; round++) {
        await redis.kill();
        // Long enough that the service's next attempt comes well after the restart.
        await pause(300);
        await redis.restart();
        const ended = ids.slice((round * TASKS) / 4, ((round + 1) * TASKS) / 4);
        for (const [id, at] of await endTasks(control, ended, 0)) {
          storedAt.set(id, at);
        }
      }
      const late = await lateness(waiters, storedAt);
      tell('waiting: Redis killed and restarted 4 times', late);
      // The longest pause between two attempts is a second. Redis may be killed again before an attempt finds it there.
      const last = Math.max(...storedAt.values());
      const afterLast = await lateness(waiters, new Map(ids.map((id) => [id, last])));
      assert.ok(Math.max(...afterLast) < 1_500, `${Math.max(...afterLast)} ms late`);
    }, durable);
  });

  for (const what of ['everything', 'answers'] as const) {
    it(`hear of each end though the connections to Redis swallow ${what}`, async () => {
      await onStage(async ({ redis, control, service, releaseLater }) => {
        const proxy = await startTcpProxy(redis.port);
        releaseLater(proxy.close);
        const { url } = await service({ REDIS_URL: `redis://127.0.0.1:${proxy.port}/0` });
        const waiters = await openWaiters(url, control);
        proxy.swallow(what);
        const storedAt = await endTasks(control, waiters, 5);
        const late = await lateness(waiters, storedAt);
        tell(`waiting: half-open connections, swallow ${what}`, late);
        // Half a second until the next PING, a second of silence, and a new connection.
        assert.ok(Math.max(...late) < 3_000, `${Math.max(...late)} ms late`);
      });
    });
  }
});

/** A client of each way for each task. Resolves when all of them listen. */
async function openWaiters(url: string, control: Redis): Promise<TaskWaiter[]> {
  const ids = Array.from({ length: TASKS }, (_, index) => `waited-for-${index}`);
  const waiters = ids.flatMap((id) => WAYS.map((way) => waitForTask(url, id, way)));
  for (const id of ids) {
    await subscribersOf(control, id, 1);
  }
  return waiters;
}

function idsOf(waiters: readonly TaskWaiter[]): string[] {
  return [...new Set(waiters.map(({ id }) => id))];
}

/** Ends tasks, one every `milliseconds`, and gives when each end was stored. */
async function endTasks(
  control: Redis,
  tasks: readonly (TaskWaiter | string)[],
  milliseconds: number,
): Promise<Map<string, number>> {
  const ids = new Set(tasks.map((task) => (typeof task === 'string' ? task : task.id)));
  const storedAt = new Map<string, number>();
  for (const id of ids) {
    await publishState(control, id, { status: 'STARTED', result: null });
    await publishState(control, id, { status: 'SUCCESS', result: id });
    storedAt.set(id, performance.now());
    await pause(milliseconds);
  }
  return storedAt;
}

/** So long after the last end, whoever has not heard of it never will. */
const PATIENCE_MS = 15_000;

/** How many milliseconds after its task's end each client has heard of it. Rejects where one has not. */
async function lateness(
  waiters: readonly TaskWaiter[],
  storedAt: ReadonlyMap<string, number>,
): Promise<number[]> {
  const all = Promise.all(
    waiters.map(async ({ id, ended }) => Math.max(0, (await ended) - (storedAt.get(id) ?? NaN))),
  );
  const patience = new AbortController();
  const tooLate = pause(PATIENCE_MS, undefined, { signal: patience.signal }).then(() => {
    throw new Error(`A client has not heard of an end within ${PATIENCE_MS} ms`);
  });
  try {
    return await Promise.race([all, tooLate]);
  } finally {
    tooLate.catch(() => undefined);
    patience.abort();
  }
}

function tell(scenario: string, late: readonly number[], remark = ''): void {
  const sorted = [...late].sort((a, b) => a - b);
  report({
    scenario,
    requests: late.length,
    ok: late.length,
    longest: `late ${seconds(sorted.at(-1) ?? NaN)}`,
    remark: `median ${(sorted[Math.floor(sorted.length / 2)] ?? NaN).toFixed(1)} ms; ${remark}`,
  });
}
