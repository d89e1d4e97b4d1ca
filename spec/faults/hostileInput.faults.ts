import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { withReleasers, type Release } from '../../stack/releasers.js';
import { validateAgainst } from '../support/contractCheck.js';
import { assertNone } from '../support/faults/audit.js';
import { report } from '../support/faults/figures.js';
import { HOSTILE_BODIES } from '../support/faults/hostileBodies.js';
import { HOSTILE_FRAMING } from '../support/faults/hostileFraming.js';
import { HOSTILE_TARGETS } from '../support/faults/hostileTargets.js';
import { ask } from '../support/faults/http.js';
import { send } from '../support/faults/load.js';
import { sendRaw } from '../support/faults/rawHttp.js';
import { startOwnRedis, startReadyService } from '../support/faults/stage.js';
import type { ServiceProcess } from '../support/serviceProcess.js';
import type { RedisServer } from '../../stack/redis.js';

describe('Hostile input', function () {
  this.timeout(60_000);
  const releases: Release[] = [];
  let redis: RedisServer;
  let service: ServiceProcess;
  let answered = 0;
  let survived = 0;
  before(async () => {
    const releaseLater = (release: Release): void => void releases.push(release);
    redis = await startOwnRedis(releaseLater, []);
    service = await startReadyService({ REDIS_URL: redis.url }, '/health/ready');
    releaseLater(service.close);
  });
  after(async () => {
    report({
      scenario: 'hostile bodies and requests',
      requests: answered,
      others: `${answered - survived} not as documented`,
      remark: `each followed by a good request`,
    });
    await withReleasers((releaseLater) => {
      releases.forEach(releaseLater);
      return Promise.resolve();
    });
  });
  beforeEach(() => {
    answered += 1;
  });

  /** The same process takes the next good request. */
  async function assertUnharmed(): Promise<void> {
    const { status } = await send({ url: service.url, marker: `after ${answered}` });
    assert.equal(status, 200);
    survived += 1;
  }

  for (const { what, body, headers = {}, status } of HOSTILE_BODIES) {
    it(`${what}: ${status}`, async () => {
      const reply = await ask({
        method: 'POST',
        url: `${service.url}/assign-task/`,
        headers,
        body: [Buffer.from(body)],
      });
      assert.equal(reply.status, status, reply.text);
      assertDocumented(status, reply.text, what);
      await assertUnharmed();
    });
  }

  for (const { what, bytes, status } of [...HOSTILE_FRAMING, ...HOSTILE_TARGETS]) {
    it(`${what}: ${status.join(' or ')}`, async () => {
      const replies = await sendRaw(service.url, bytes);
      assert.equal(replies.length, 1, `answered ${JSON.stringify(replies)}`);
      const [reply = { status: 0, body: '' }] = replies;
      assert.ok(status.includes(reply.status), `answered ${JSON.stringify(reply)}`);
      assertDocumented(reply.status, reply.body, what);
      await assertUnharmed();
    });
  }

  it('smuggles nothing into the queue, and makes no fault of the service', async () => {
    const client = new Redis(redis.url);
    const messages = await client.lrange('worker_queue', 0, -1);
    client.disconnect();
    assertNone(
      messages.filter((text) => text.includes('worker.smuggled')),
      'smuggled tasks',
    );
    assertNone(
      service.lines().filter(({ level }) => level === 'ERROR' || level === 'CRITICAL'),
      'faults in the log',
    );
    await assertUnharmed();
  });
});

/** Every error has the contract's error body. */
function assertDocumented(status: number, text: string, where: string): void {
  if (status >= 400) {
    validateAgainst('#/components/schemas/ErrorResponse', JSON.parse(text), where);
  }
}
