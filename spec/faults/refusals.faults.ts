import assert from 'node:assert/strict';
import { eventually } from '../support/eventually.js';
import { assertTruthful, audit, reportAudit } from '../support/faults/audit.js';
import { send, type Answer } from '../support/faults/load.js';
import { onStage, type Stage } from '../support/faults/stage.js';

describe('A Redis that refuses to write', function () {
  this.timeout(60_000);

  for (const { what, reason, refuse, allow } of [
    {
      what: 'is out of memory',
      reason: /out of memory/i,
      refuse: ({ control }: Stage) => control.config('SET', 'maxmemory', '1mb'),
      allow: ({ control }: Stage) => control.config('SET', 'maxmemory', '0'),
    },
    {
      what: 'is a read-only replica',
      reason: /read.?only|replica/i,
      refuse: ({ control }: Stage) => control.replicaof('127.0.0.1', 1),
      allow: ({ control }: Stage) => control.replicaof('NO', 'ONE'),
    },
  ]) {
    it(`because it ${what} is told of, and works again when it doesn't`, async () => {
      await onStage(async (stage) => {
        const { url } = await stage.service();
        const answers: Answer[] = [];
        const assign = async (): Promise<Answer> => {
          const answer = await send({ url, marker: `request ${answers.length}` });
          answers.push(answer);
          return answer;
        };
        assert.equal((await assign()).status, 200);
        await refuse(stage);
        // Two, as the connection may be another one after the first.
        const refused = [await assign(), await assign()];
        await allow(stage);
        const allowedAt = performance.now();
        await eventually('it works again', async () =>
          (await assign()).status === 200 ? true : undefined,
        );
        const recovery = performance.now() - allowedAt;
        const found = await audit(stage.redis.url, answers);
        reportAudit(`Redis ${what}`, found, {
          longest: `recovery ${(recovery / 1_000).toFixed(2)} s`,
          remark: refused[0]?.message ?? '',
        });
        for (const answer of refused) {
          assert.equal(answer.status, 500);
          assert.equal(answer.queued, 'no');
          assert.match(answer.message ?? '', reason);
        }
        assertTruthful(found);
      });
    });
  }
});
