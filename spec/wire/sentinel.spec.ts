import assert from 'node:assert/strict';
import { startWorker } from '../../stack/celery.js';
import { withReleasers } from '../../stack/releasers.js';
import { startSentinelSet } from '../support/faults/sentinels.js';
import { theFleet, WORKERS_FOLDER } from '../support/fleet.js';
import { startTestService } from '../support/service.js';
import { resultOf } from '../support/tasks.js';

describe('With sentinels, the service and the fleet', function () {
  this.timeout(120_000);

  it('go over to the new master, and neither loses a task', () =>
    withReleasers(async (releaseLater) => {
      const sentinels = await startSentinelSet(releaseLater);
      const addresses = { REDIS_URL: sentinels.url, REDIS_MASTER_NAME: sentinels.masterName };
      const worker = await startWorker({
        python: theFleet().python,
        workersFolder: WORKERS_FOLDER,
        redisUrl: sentinels.url,
        environment: process.env,
        variables: addresses,
        concurrency: 1,
      });
      releaseLater(() => worker.stop());
      const service = await startTestService({
        ...addresses,
        // Longer than the failover takes.
        ASSIGN_TIMEOUT_MS: '30000',
        RESULT_TIMEOUT_MS: '30000',
      });
      releaseLater(service.close);
      const runTask = async (): Promise<void> => {
        const id = await service.assign('test_task', { duration: 0 });
        const { status } = await resultOf(service, id);
        assert.equal(status, 'completed');
      };

      await runTask();
      await sentinels.master.kill();
      await runTask();
      assert.notEqual(await sentinels.untilOtherMaster(), sentinels.master.url);
    }));
});
