import assert from 'node:assert/strict';
import { Agent, get } from 'node:http';
import { sumIn } from '../support/metrics.js';
import { startServiceProcess, type ServiceProcess } from '../support/serviceProcess.js';

/** A young generation of 1 MB, and an old one that V8 lets grow little before it collects it. */
const SMALL_HEAP = '--max-semi-space-size=1 --max-old-space-size=128';
const REQUESTS = 30_000;
const CONNECTIONS = 16;

describe('What a request takes up', () => {
  let service: ServiceProcess;
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  before(async () => {
    service = await startServiceProcess({ NODE_OPTIONS: SMALL_HEAP });
  });
  after(async () => {
    agent.destroy();
    await service.close();
  });

  /** How often V8 has collected garbage, of the young generation and of all. */
  const collections = async (): Promise<{ young: number; all: number }> => {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    const count = 'nodejs_gc_duration_seconds_count';
    return {
      young: sumIn(text, count, { kind: 'minor' }),
      // Before the first one there is no such series.
      all: sumIn(text, count, { kind: 'major' }) || 0,
    };
  };
  const read = (): Promise<void> =>
    new Promise((resolve, reject) => {
      get(`${service.url}/result/a`, { agent }, (response) => {
        response.resume().on('end', resolve).on('error', reject);
      }).on('error', reject);
    });
  const readMany = async (count: number): Promise<void> => {
    const lane = async (): Promise<void> => {
      for (let done = 0; done < count; done += CONNECTIONS) {
        await read();
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, lane));
  };

  it('is free again without a collection of the whole heap', async function () {
    this.timeout(60_000);
    await readMany(REQUESTS);
    const before = await collections();
    await readMany(REQUESTS);
    const after = await collections();
    const young = after.young - before.young;
    const all = after.all - before.all;
    assert.ok(young > 100, `${young} collections of the young generation`);
    // About one in 250; one in 85 where the way of a request leads through something that keeps what is gone.
    assert.ok(all * 110 < young, `${all} collections of all, and ${young} of the young generation`);
  });
});
