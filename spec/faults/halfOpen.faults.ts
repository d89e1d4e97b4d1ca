import {
  assertAllOk,
  assertTruthful,
  audit,
  reportAudit,
  seconds,
} from '../support/faults/audit.js';
import { startLoad, toEach } from '../support/faults/load.js';
import { recoveryAfter, untilAnswers } from '../support/faults/recovery.js';
import { onStage, untilSettled } from '../support/faults/stage.js';
import { startTcpProxy } from '../support/faults/tcpProxy.js';

describe('A connection to Redis that dies without being closed', function () {
  this.timeout(120_000);

  for (const [what, swallowed] of [
    ['swallows everything', 'everything'],
    ['takes the messages and loses the acknowledgements', 'answers'],
  ] as const) {
    it(`and ${what} is replaced before the deadline`, async () => {
      await onStage(async ({ redis, service, releaseLater }) => {
        const proxy = await startTcpProxy(redis.port);
        releaseLater(proxy.close);
        const { url } = await service({
          REDIS_URL: `redis://127.0.0.1:${proxy.port}/0`,
          ASSIGN_TIMEOUT_MS: '4000',
        });
        const running = startLoad(64, toEach([url]));
        const recoveries: number[] = [];
        for (let round = 0; round < 3; round++) {
          await untilAnswers(running, 500);
          const deadAt = performance.now();
          proxy.swallow(swallowed);
          recoveries.push(await recoveryAfter(deadAt, running));
        }
        await untilAnswers(running, 500);
        running.stop();
        await running.finished;
        await untilSettled(redis.url, [url]);
        const found = await audit(redis.url, running.answers);
        reportAudit(`half-open connection, swallows ${swallowed}`, found, {
          longest: `recovery ${seconds(Math.max(...recoveries))}`,
          remark: `3 times; slowest answer ${seconds(found.slowest)}`,
        });
        assertTruthful(found);
        assertAllOk(found);
      });
    });
  }
});
