import assert from 'node:assert/strict';
import {
  assertNone,
  assertTruthful,
  audit,
  reportAudit,
  seconds,
} from '../support/faults/audit.js';
import { startHealthProbe } from '../support/faults/healthProbe.js';
import { load, type Answer } from '../support/faults/load.js';
import { peakMemory, sampleProcess } from '../support/faults/resources.js';
import { onStage, untilSettled } from '../support/faults/stage.js';

const MEMORY_BOUND_MEGABYTES = 600;

describe('A flood while Redis hangs', function () {
  this.timeout(180_000);

  for (const [what, flood] of [
    ['20,000 small requests, 4,000 in flight', { count: 20_000, inFlight: 4_000 }],
    [
      '1,500 requests of 1 MB, 500 in flight',
      { count: 1_500, inFlight: 500, filler: Buffer.alloc(1_000_000, 'x') },
    ],
  ] as const) {
    it(`(${what}) is turned away, in bounded memory`, async () => {
      await onStage(async ({ redis, service }) => {
        const { url, process: running } = await service();
        const endSamples = sampleProcess(running.pid, 100);
        const endProbe = await startHealthProbe(url);
        redis.pause();
        const answers = await load([url], flood);
        const health = await endProbe();
        const memory = peakMemory(await endSamples());
        redis.resume();
        await untilSettled(redis.url, [url]);
        const found = await audit(redis.url, answers);
        reportAudit(`Redis hangs: ${what}`, found, {
          longest: `health ${seconds(health.slowest)}`,
          remark: `memory ${memory.toFixed(0)} MB at most; slowest answer ${seconds(found.slowest)}`,
        });
        assert.deepEqual(
          [...found.others.keys()].filter((kind) => kind !== '500' && kind !== '503'),
          [],
        );
        assert.equal(found.ok, 0);
        assertTurnedAway(answers.filter(({ status }) => status === 503));
        assert.ok(memory < MEMORY_BOUND_MEGABYTES, `memory grew to ${memory} MB`);
        assert.deepEqual(health.wrong, []);
        // How long that is depends on the machine, as the flood's own answers do.
        assert.ok(
          health.slowest < found.slowest,
          `health took ${health.slowest} ms, longer than any answer of the flood`,
        );
        assertTruthful(found);
      });
    });
  }
});

describe('A queue at QUEUE_MAX_DEPTH', function () {
  this.timeout(60_000);

  it('takes exactly as many tasks, from 64 requests at once to two replicas', async () => {
    await onStage(async ({ redis, control, service }) => {
      const environment = { QUEUE_MAX_DEPTH: '100' };
      const urls = [(await service(environment)).url, (await service(environment)).url];
      const answers = await load(urls, { count: 400, inFlight: 64 });
      const found = await audit(redis.url, answers);
      const depth = await control.llen('worker_queue');
      reportAudit('QUEUE_MAX_DEPTH=100, two replicas', found, { remark: `depth ${depth}` });
      assert.equal(depth, 100);
      assert.equal(found.ok, 100);
      assert.deepEqual([...found.others], [['503', 300]]);
      assertTurnedAway(answers.filter(({ status }) => status === 503));
      assert.deepEqual(new Set(answers.map(({ queued }) => queued)), new Set([undefined, 'no']));
      assertTruthful(found);

      await control.ltrim('worker_queue', 0, 49);
      await untilSettled(redis.url, urls);
    });
  });
});

function assertTurnedAway(answers: readonly Answer[]): void {
  assert.ok(answers.length > 0, 'nothing was turned away with 503');
  assertNone(
    answers.filter(({ retryAfter = '' }) => !/^[1-9]\d*$/.test(retryAfter)),
    'without Retry-After',
  );
}
