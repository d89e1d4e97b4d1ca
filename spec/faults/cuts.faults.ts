import { audit, assertAllOk, assertTruthful, reportAudit } from '../support/faults/audit.js';
import { cutConnectionsEvery } from '../support/faults/cuts.js';
import { load } from '../support/faults/load.js';
import { onStage, untilSettled } from '../support/faults/stage.js';

describe('Connections to Redis that are cut', function () {
  this.timeout(120_000);

  it('every 50 ms are not noticed by 20,000 requests', async () => {
    await onStage(async ({ redis, control, service }) => {
      const { url } = await service();
      const endCuts = cutConnectionsEvery(50, control);
      const answers = await load([url], { count: 20_000, inFlight: 64 });
      const cut = await endCuts();
      await untilSettled(redis.url, [url]);
      const found = await audit(redis.url, answers);
      reportAudit('connections cut each 50 ms', found, { remark: `${cut} connections cut` });
      assertTruthful(found);
      assertAllOk(found);
    });
  });
});
