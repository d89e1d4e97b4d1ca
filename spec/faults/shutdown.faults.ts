import assert from 'node:assert/strict';
import { assertNone, assertTruthful, audit, reportAudit } from '../support/faults/audit.js';
import { ask } from '../support/faults/http.js';
import { startLoad, toEach, type Answer } from '../support/faults/load.js';
import { untilAnswers } from '../support/faults/recovery.js';
import { onStage, untilSettled } from '../support/faults/stage.js';
import { eventually } from '../support/eventually.js';

const IN_FLIGHT = 64;

describe('A service that ends under load', function () {
  this.timeout(120_000);

  it('on SIGTERM, has queued whatever it says it has', async () => {
    await onStage(async ({ redis, service }) => {
      const { url, process: running } = await service();
      const load = startLoad(IN_FLIGHT, toEach([url]));
      await untilAnswers(load, 2_000);
      running.send('SIGTERM');
      const end = await running.exited;
      load.stop();
      await load.finished;
      await untilSettled(redis.url, []);
      const found = await audit(redis.url, load.answers);
      reportAudit('SIGTERM of the service', found, { remark: describeSocketErrors(load.answers) });
      assert.deepEqual(end, { code: 0, signal: null });
      assertTruthful(found);
      assertNoOtherAnswers(load.answers);
    });
  });

  for (const keepAlive of [true, false]) {
    const connections = keepAlive ? 'kept alive' : 'fresh';
    it(`on SIGTERM, answers all that it has accepted on ${connections} connections`, async () => {
      await onStage(async ({ redis, control, service }) => {
        const { url, process: running } = await service({ ASSIGN_TIMEOUT_MS: '6000' });
        const load = startLoad(IN_FLIGHT, toEach([url]), { keepAlive });
        await untilAnswers(load, 500);
        await control.call('CLIENT', 'PAUSE', 2_000, 'ALL');
        let before = 0;
        await eventually('the service has read all requests in flight', async () => {
          before = load.answers.length;
          // Connections are accepted in their order: those of the requests in flight come before the first
          // of these, and what they carried is read before the last of these is answered.
          for (let trip = 0; trip < 3; trip++) {
            await ask({ url: `${url}/health/live` });
          }
          return load.answers.length === before && load.inFlight() === IN_FLIGHT ? true : undefined;
        });
        const signalledAt = performance.now();
        running.send('SIGTERM');
        const end = await running.exited;
        load.stop();
        await load.finished;
        await untilSettled(redis.url, []);
        const accepted = load.answers.filter(({ startedAt }) => startedAt < signalledAt);
        const found = await audit(redis.url, accepted);
        reportAudit(`SIGTERM, 64 waiting, connections ${connections}`, found, {
          remark: `sent after it: ${describeSocketErrors(load.answers)}`,
        });
        assert.deepEqual(end, { code: 0, signal: null });
        assert.equal(accepted.length - before, IN_FLIGHT);
        assert.equal(found.ok, accepted.length);
        assertTruthful(found);
      });
    });
  }

  it('on SIGKILL, has queued whatever it says it has', async () => {
    await onStage(async ({ redis, service }) => {
      const { url, process: running } = await service();
      const load = startLoad(IN_FLIGHT, toEach([url]));
      await untilAnswers(load, 2_000);
      running.send('SIGKILL');
      await running.exited;
      load.stop();
      await load.finished;
      await untilSettled(redis.url, []);
      const found = await audit(redis.url, load.answers);
      reportAudit('SIGKILL of the service', found, { remark: describeSocketErrors(load.answers) });
      assertTruthful(found);
      assertNoOtherAnswers(load.answers);
    });
  });
});

/**
 * A request on a connection that was kept alive can cross the closing of that connection, and is then reset
 * before the service has read it: HTTP/1.1 has no way around that (RFC 9112, section 9.5). Clients send it
 * again, so it is counted and not forbidden.
 */
function describeSocketErrors(answers: readonly Answer[]): string {
  const count = (code: string): number =>
    answers.filter(({ socketError }) => socketError === code).length;
  return `${count('ECONNRESET') + count('EPIPE')} reset, ${count('ECONNREFUSED') > 0 ? 'then' : 'none'} refused`;
}

function assertNoOtherAnswers(answers: readonly Answer[]): void {
  const others = answers.filter(
    ({ status, socketError = '' }) =>
      status !== 200 && !['ECONNRESET', 'EPIPE', 'ECONNREFUSED'].includes(socketError),
  );
  assertNone(others, 'other answers');
}
