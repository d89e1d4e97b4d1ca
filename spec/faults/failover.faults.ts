import assert from 'node:assert/strict';
import { withReleasers } from '../../stack/releasers.js';
import { pause } from '../../stack/wait.js';
import {
  assertAllOk,
  assertTruthful,
  audit,
  reportAudit,
  seconds,
} from '../support/faults/audit.js';
import { startLoad, toEach } from '../support/faults/load.js';
import { recoveryAfter, untilAnswers } from '../support/faults/recovery.js';
import { startSentinelSet, type SentinelSet } from '../support/faults/sentinels.js';
import { startReadyService, untilSettled, type Stage } from '../support/faults/stage.js';

/** Longer than a failover takes, so that a failover is not noticed. */
const DEADLINE_MS = 10_000;

interface Failover {
  scenario: string;
  environment: Readonly<Record<string, string>>;
  /** Makes another server the master; called under load. */
  provoke: (set: SentinelSet) => Promise<void>;
  /** Called when the other server is the master. */
  afterwards?: (set: SentinelSet) => void;
  /** Whether what the old master has acknowledged must be on the new one. */
  losesNothing: boolean;
}

describe('A failover of Redis by Sentinel, under load,', function () {
  this.timeout(180_000);

  it('because the master is killed, is not noticed and loses nothing', async () => {
    await failOver({
      scenario: 'Sentinel: master killed, WAIT 1',
      environment: { REDIS_WAIT_REPLICAS: '1' },
      provoke: (set) => set.master.kill(),
      losesNothing: true,
    });
  });

  it('because the master is killed when its replicas are cut off, loses nothing', async () => {
    await failOver({
      scenario: 'Sentinel: replicas cut off, master killed, WAIT 1',
      environment: { REDIS_WAIT_REPLICAS: '1' },
      provoke: async (set) => {
        await set.cutOffReplicas();
        // Whatever the master alone acknowledges in this time is gone with it.
        await pause(300);
        await set.master.kill();
      },
      losesNothing: true,
    });
  });

  it('by order, is not noticed and doubles nothing', async () => {
    await failOver({
      scenario: 'Sentinel: ordered failover, no WAIT',
      environment: {},
      provoke: (set) => set.orderFailover(),
      // Replication is asynchronous: what is not waited for may be lost with its master.
      losesNothing: false,
    });
  });

  it('by order, loses nothing where every replica is waited for', async () => {
    await failOver({
      scenario: 'Sentinel: ordered failover, WAIT 2',
      // Only one follows the new master at first: the old one, when it has given up.
      environment: { REDIS_WAIT_REPLICAS: '2' },
      provoke: (set) => set.orderFailover(),
      losesNothing: true,
    });
  });

  it('because the master hangs, is not noticed and loses nothing when it comes back', async () => {
    await failOver({
      scenario: 'Sentinel: master hangs, then resumes, WAIT 1',
      environment: { REDIS_WAIT_REPLICAS: '1' },
      provoke: (set) => {
        set.master.pause();
        return Promise.resolve();
      },
      afterwards: (set) => {
        set.master.resume();
      },
      losesNothing: true,
    });
  });
});

async function failOver(options: Failover): Promise<void> {
  const { scenario, environment, provoke, afterwards, losesNothing } = options;
  await withReleasers(async (releaseLater: Stage['releaseLater']) => {
    const set = await startSentinelSet(releaseLater);
    const { url, close } = await startReadyService(
      {
        REDIS_URL: set.url,
        REDIS_MASTER_NAME: set.masterName,
        ASSIGN_TIMEOUT_MS: String(DEADLINE_MS),
        ...environment,
      },
      '/health/ready',
    );
    releaseLater(close);
    const load = startLoad(64, toEach([url]));
    await untilAnswers(load, 1_000);
    const provokedAt = performance.now();
    await provoke(set);
    const newMaster = await set.untilOtherMaster();
    const switched = performance.now() - provokedAt;
    const recovery = await recoveryAfter(provokedAt + switched, load);
    afterwards?.(set);
    await untilAnswers(load, 1_000);
    await set.untilReplicasFollow(afterwards ? 2 : 1);
    await untilAnswers(load, 500);
    load.stop();
    await load.finished;
    await untilSettled(newMaster, [url]);
    const found = await audit(newMaster, load.answers);
    reportAudit(scenario, found, {
      longest: `answer ${seconds(found.slowest)}`,
      remark: `new master after ${seconds(switched)}, first 200 ${seconds(recovery)} later`,
    });
    assertAllOk(found);
    assertTruthful(losesNothing ? found : { ...found, lost: [] });
    assert.ok(found.slowest < DEADLINE_MS);
  });
}
