import assert from 'node:assert/strict';
import { assertNone, assertTruthful, audit, reportAudit } from '../support/faults/audit.js';
import { send, startLoad, toEach, type Answer, type Load } from '../support/faults/load.js';
import { untilAnswers } from '../support/faults/recovery.js';
import { onStage, untilSettled } from '../support/faults/stage.js';
import type { ServiceProcess } from '../support/serviceProcess.js';
import { untilNewWorker, workersOf } from '../support/workers.js';

/** The log of requests tells which processes answer. */
const TWO = { WEB_CONCURRENCY: '2', LOG_LEVEL: 'INFO' };
const IN_FLIGHT = 64;
const KILLS = 5;
/** Sent again so often at most, whoever it was that was killed. */
const ATTEMPTS = 20;

/** Kills one process after the other under load, each when the one before it has been replaced. */
async function killWorkers(service: ServiceProcess, load: Load): Promise<void> {
  const known = await workersOf(service);
  for (const victim of known) {
    await untilAnswers(load, 500);
    process.kill(victim, 'SIGKILL');
    const successor = await untilNewWorker(service, known);
    if (known.length < KILLS) {
      known.push(successor);
    }
  }
}

describe('A service of two processes', function () {
  this.timeout(120_000);

  for (const keepAlive of [true, false]) {
    const connections = keepAlive ? 'kept alive' : 'fresh';
    it(`has queued whatever it says it has, while they are killed, on ${connections} connections`, async () => {
      await onStage(async ({ redis, service }) => {
        const started = await service(TWO);
        const load = startLoad(IN_FLIGHT, toEach([started.url]), { keepAlive });
        await killWorkers(started, load);
        await untilAnswers(load, 500);
        load.stop();
        await load.finished;
        await untilSettled(redis.url, [started.url]);
        const found = await audit(redis.url, load.answers);
        reportAudit(
          `one of two processes killed ${KILLS} times, connections ${connections}`,
          found,
        );
        assertTruthful(found);
        assertOnly(load.answers, ['ECONNRESET', 'EPIPE']);
        const critical = started.lines().filter(({ level }) => level === 'CRITICAL');
        assert.deepEqual(
          critical.map(({ signal }) => signal),
          Array(KILLS).fill('SIGKILL'),
        );
      });
    });
  }

  it('makes one task of each Idempotency-Key, sent until it is answered, while they are killed', async () => {
    await onStage(async ({ redis, service }) => {
      const started = await service(TWO);
      const { url } = started;
      const run = startLoad(IN_FLIGHT, (index) => {
        const marker = `key-${index}`;
        return { url, marker, headers: { 'idempotency-key': marker } };
      });
      await killWorkers(started, run);
      run.stop();
      await run.finished;
      const answers = [...run.answers];
      for (const { assignment, status } of run.answers) {
        for (let last = status, attempt = 0; last !== 200; attempt++) {
          assert.ok(attempt < ATTEMPTS, `No answer for ${assignment.marker}`);
          const answer = await send(assignment);
          answers.push(answer);
          last = answer.status;
        }
      }
      await untilSettled(redis.url, [url]);
      const found = await audit(redis.url, answers);
      reportAudit(`keys sent until answered, one of two processes killed ${KILLS} times`, found);
      assertTruthful(found);
      assertOnly(answers, ['ECONNRESET', 'EPIPE']);
      assert.equal(found.ok, run.answers.length);
    });
  });

  it('on SIGTERM, has queued whatever it says it has', async () => {
    await onStage(async ({ redis, service }) => {
      const { url, process: running } = await service(TWO);
      const load = startLoad(IN_FLIGHT, toEach([url]));
      await untilAnswers(load, 2_000);
      running.send('SIGTERM');
      const end = await running.exited;
      load.stop();
      await load.finished;
      await untilSettled(redis.url, []);
      const found = await audit(redis.url, load.answers);
      reportAudit('SIGTERM of two processes', found);
      assert.deepEqual(end, { code: 0, signal: null });
      assertTruthful(found);
      assertOnly(load.answers, ['ECONNRESET', 'EPIPE', 'ECONNREFUSED']);
    });
  });
});

/** What a killed process had in flight has no answer. */
function assertOnly(answers: readonly Answer[], socketErrors: readonly string[]): void {
  const others = answers.filter(
    ({ status, socketError = '' }) => status !== 200 && !socketErrors.includes(socketError),
  );
  assertNone(others, 'other answers');
}
