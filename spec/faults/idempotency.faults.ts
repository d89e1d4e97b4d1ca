import assert from 'node:assert/strict';
import {
  assertAllOk,
  assertNone,
  assertTruthful,
  audit,
  reportAudit,
} from '../support/faults/audit.js';
import { cutConnectionsEvery } from '../support/faults/cuts.js';
import { send, startLoad, type Answer } from '../support/faults/load.js';
import { onStage, untilSettled } from '../support/faults/stage.js';

const KEYS = 2_000;
const COPIES = 3;

describe('An Idempotency-Key, sent three times at once to two replicas', function () {
  this.timeout(120_000);

  for (const withCuts of [false, true]) {
    const condition = withCuts ? 'with every connection to Redis cut each 50 ms' : 'in peace';
    it(`${condition}, makes one task and three equal answers`, async () => {
      await onStage(async ({ redis, control, service }) => {
        const urls = [(await service()).url, (await service()).url] as const;
        const endCuts = withCuts
          ? cutConnectionsEvery(50, control)
          : (): Promise<number> => Promise.resolve(0);
        const running = startLoad(20 * COPIES, (index) => {
          const key = Math.floor(index / COPIES);
          const url = urls[(index + key) % 2 === 0 ? 0 : 1];
          const marker = `key-${key}`;
          return key < KEYS ? { url, marker, headers: { 'idempotency-key': marker } } : undefined;
        });
        await running.finished;
        const cut = await endCuts();
        await untilSettled(redis.url, urls);

        const found = await audit(redis.url, running.answers);
        const tasks = tasksByKey(running.answers);
        const split = [...tasks.values()].filter((ids) => ids.size !== 1);
        reportAudit(`2,000 keys x 3, ${withCuts ? 'connections cut each 50 ms' : 'plain'}`, found, {
          remark: `${split.length} keys with differing answers; ${cut} connections cut`,
        });
        assertAllOk(found);
        assert.equal(tasks.size, KEYS);
        assertNone(
          split.map((ids) => [...ids]),
          'keys with differing answers',
        );
        assertTruthful(found);
      });
    });
  }

  it('is refused with 422 for another body, by either replica', async () => {
    await onStage(async ({ redis, service }) => {
      const [one, other] = [(await service()).url, (await service()).url];
      const headers = { 'idempotency-key': 'used-once' };
      const first = await send({ url: one, marker: 'the first body', headers });
      assert.equal(first.status, 200);
      const answers: Answer[] = [first];
      for (const url of [one, other]) {
        const changed = await send({ url, marker: 'another body', headers });
        assert.equal(changed.status, 422);
        const repeated = await send({ url, marker: 'the first body', headers });
        assert.equal(repeated.status, 200);
        assert.equal(repeated.taskId, first.taskId);
        answers.push(changed, repeated);
      }
      const found = await audit(redis.url, answers);
      reportAudit('the same key with another body', found);
      assertTruthful(found);
    });
  });
});

function tasksByKey(answers: readonly Answer[]): Map<string, Set<string | undefined>> {
  const tasks = new Map<string, Set<string | undefined>>();
  for (const { assignment, taskId } of answers) {
    tasks.set(assignment.marker, (tasks.get(assignment.marker) ?? new Set()).add(taskId));
  }
  return tasks;
}
