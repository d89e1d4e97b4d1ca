import assert from 'node:assert/strict';
import {
  assertAllOk,
  assertTruthful,
  audit,
  reportAudit,
  seconds,
} from '../support/faults/audit.js';
import { load, startLoad, toEach } from '../support/faults/load.js';
import { recoveryAfter, untilAnswers } from '../support/faults/recovery.js';
import { onStage, untilSettled } from '../support/faults/stage.js';
import { startSilentServer } from '../support/faults/tcpProxy.js';

const IN_FLIGHT = 64;
const DEADLINE_MS = 2_000;
/** What the load's own process and a busy machine add to an answer's time. */
const MARGIN_MS = 1_000;

describe('A Redis that', function () {
  this.timeout(120_000);

  it('is killed and restarted five times loses and doubles nothing', async () => {
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always'];
    await onStage(async ({ redis, service }) => {
      const { url } = await service();
      const running = startLoad(IN_FLIGHT, toEach([url]));
      const recoveries: number[] = [];
      for (let round = 0; round < 5; round++) {
        await untilAnswers(running, 500);
        const killedAt = performance.now();
        await redis.kill();
        await redis.restart();
        recoveries.push(await recoveryAfter(killedAt, running));
      }
      running.stop();
      await running.finished;
      await untilSettled(redis.url, [url]);
      const found = await audit(redis.url, running.answers);
      const longest = `recovery ${seconds(Math.max(...recoveries))}`;
      reportAudit('Redis killed and restarted 5 times', found, {
        longest,
        remark: `recoveries ${recoveries.map(seconds).join(', ')}`,
      });
      assertTruthful(found);
    }, durable);
  });

  for (const [what, environment] of [
    ['longer than the deadline', {}],
    ['shorter than the deadline', { ASSIGN_TIMEOUT_MS: '6000' }],
  ] as const) {
    it(`pauses for 3 s, ${what}`, async () => {
      await onStage(async ({ redis, control, service }) => {
        const { url } = await service(environment);
        const running = startLoad(IN_FLIGHT, toEach([url]));
        await untilAnswers(running, 500);
        const pausedAt = performance.now();
        await control.call('CLIENT', 'PAUSE', 3_000, 'ALL');
        const recovery = await recoveryAfter(pausedAt, running);
        await untilAnswers(running, 500);
        running.stop();
        await running.finished;
        await untilSettled(redis.url, [url]);
        const found = await audit(redis.url, running.answers);
        const remark = `recovery ${seconds(recovery)}`;
        reportAudit(`CLIENT PAUSE 3 s, ${what}`, found, { remark });
        assertTruthful(found);
        if ('ASSIGN_TIMEOUT_MS' in environment) {
          assertAllOk(found);
        } else {
          assert.ok(found.slowest < DEADLINE_MS + MARGIN_MS, `an answer took ${found.slowest} ms`);
        }
      });
    });
  }

  it('hangs with its connections open gets an answer to each request in time', async () => {
    await onStage(async ({ redis, service }) => {
      const { url } = await service();
      const running = startLoad(IN_FLIGHT, toEach([url]));
      await untilAnswers(running, 500);
      redis.pause();
      // Each of the requests in flight and each of those that follow it is answered by its deadline.
      await untilAnswers(running, 2 * IN_FLIGHT);
      const resumedAt = performance.now();
      redis.resume();
      const recovery = await recoveryAfter(resumedAt, running);
      await untilAnswers(running, 500);
      running.stop();
      await running.finished;
      await untilSettled(redis.url, [url]);
      const found = await audit(redis.url, running.answers);
      reportAudit('Redis stopped (SIGSTOP) and resumed', found, {
        remark: `recovery ${seconds(recovery)} after SIGCONT`,
      });
      assertTruthful(found);
      assert.ok((found.others.get('500') ?? 0) + (found.others.get('503') ?? 0) >= IN_FLIGHT);
      assert.ok(found.slowest < DEADLINE_MS + MARGIN_MS, `an answer took ${found.slowest} ms`);
    });
  });

  it('accepts connections and never answers gets an answer to each request in time', async () => {
    await onStage(async ({ redis, service, releaseLater }) => {
      const silent = await startSilentServer();
      releaseLater(silent.close);
      const redisUrl = `redis://127.0.0.1:${silent.port}/0`;
      const { url } = await service({ REDIS_URL: redisUrl }, '/health/live');
      const answers = await load([url], { count: 4 * IN_FLIGHT, inFlight: IN_FLIGHT });
      const found = await audit(redis.url, answers);
      reportAudit('a server that accepts and never answers', found);
      assertTruthful(found);
      assert.equal(found.ok, 0);
      assert.equal((found.others.get('500') ?? 0) + (found.others.get('503') ?? 0), found.requests);
      assert.ok(found.slowest < DEADLINE_MS + MARGIN_MS, `an answer took ${found.slowest} ms`);
    });
  });
});
