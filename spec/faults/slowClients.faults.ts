import assert from 'node:assert/strict';
import { report } from '../support/faults/figures.js';
import { load } from '../support/faults/load.js';
import { openSlowClients } from '../support/faults/slowClients.js';
import { onStage } from '../support/faults/stage.js';

const SLOW_CLIENTS = 1_000;
const ROUNDS = 7;
const REQUESTS = 2_000;

describe('A thousand clients that send a byte a second', function () {
  this.timeout(180_000);

  it('do not slow down the others', async () => {
    await onStage(async ({ service }) => {
      const { url } = await service();
      const slowest = async (): Promise<number> => {
        const answers = await load([url], { count: REQUESTS, inFlight: 8 });
        assert.ok(answers.every(({ status }) => status === 200));
        const times = answers.map((one) => one.finishedAt - one.startedAt).sort((a, b) => a - b);
        return times[Math.floor(times.length * 0.99)] ?? Infinity;
      };
      // The first requests of a process are its slowest.
      await slowest();
      const without: number[] = [];
      const among: number[] = [];
      // By turns, so that another load on this machine meets both alike.
      for (let round = 0; round < ROUNDS; round++) {
        without.push(await slowest());
        const slow = await openSlowClients(url, SLOW_CLIENTS);
        try {
          among.push(await slowest());
          assert.ok(slow.connected() > 0.9 * SLOW_CLIENTS, `${slow.connected()} are left`);
        } finally {
          slow.close();
        }
      }
      const ratio = median(among) / median(without);
      report({
        scenario: `${SLOW_CLIENTS} slow clients`,
        requests: 2 * ROUNDS * REQUESTS,
        ok: 2 * ROUNDS * REQUESTS,
        longest: `p99 ${median(among).toFixed(1)} ms`,
        remark: `p99 ${median(without).toFixed(1)} ms without them: ratio ${ratio.toFixed(2)}`,
      });
      assert.ok(ratio < 2, `p99 is ${ratio} times as long`);
    });
  });
});

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
