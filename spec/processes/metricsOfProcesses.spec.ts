import assert from 'node:assert/strict';
import { eventually } from '../support/eventually.js';
import { ask } from '../support/faults/http.js';
import { samplesIn, sumIn } from '../support/metrics.js';
import { startServiceProcess, type ServiceProcess } from '../support/serviceProcess.js';
import { untilNewWorker, workersOf } from '../support/workers.js';

const LIVENESS = { route: '/health/live', status: '200' };

describe('GET /metrics of two processes', function () {
  this.timeout(60_000);
  let service: ServiceProcess;
  before(async () => {
    service = await startServiceProcess({
      WEB_CONCURRENCY: '2',
      // Scrapes are logged at this level alone.
      LOG_LEVEL: 'DEBUG',
      TASK_ROUTES: 'worker.*=metrics_of_two',
    });
  });
  after(() => service.close());

  async function textOf(): Promise<string> {
    const { status, text } = await ask({ url: `${service.url}/metrics` });
    assert.equal(status, 200, text);
    return text;
  }

  /** Waits until a scrape tells of so many requests: one is counted when its connection has taken the answer. */
  function untilCounted(count: number): Promise<string> {
    return eventually(`${count} requests are counted`, async () => {
      const text = await textOf();
      const counted = sumIn(text, 'orchestrator_http_requests_total', LIVENESS);
      assert.ok(!(counted > count), `${counted} of ${count}`);
      return counted === count ? text : undefined;
    });
  }

  async function askOften(count: number): Promise<void> {
    for (let request = 0; request < count; request += 1) {
      assert.equal((await ask({ url: `${service.url}/health/live` })).status, 200);
    }
  }

  it('gives the sum of both, whichever is asked, and each series once', async () => {
    await askOften(10);
    await untilCounted(10);
    // Connections go to the processes in turn.
    const answers = await Promise.all(Array.from({ length: 6 }, textOf));
    for (const text of answers) {
      assert.equal(sumIn(text, 'orchestrator_http_requests_total', LIVENESS), 10);
      const series = samplesIn(text).map(({ name, labels }) => name + JSON.stringify(labels));
      assert.equal(new Set(series).size, series.length);
    }
    // The second process may listen a little later than the first.
    await eventually('both were asked', async () => {
      await textOf();
      const asked = service.lines().filter(({ route }) => route === '/metrics');
      return new Set(asked.map(({ pid }) => pid)).size === 2 ? true : undefined;
    });
  });

  it('counts assignments of both, and what they share once', async () => {
    const body = [Buffer.from('{"task_type": "test_task"}')];
    for (let index = 0; index < 4; index += 1) {
      const url = `${service.url}/assign-task/`;
      assert.equal((await ask({ url, method: 'POST', body })).status, 200);
    }
    const text = await textOf();
    const assigned = { task_type: 'test_task', outcome: 'assigned' };
    assert.equal(sumIn(text, 'orchestrator_assignments_total', assigned), 4);
    assert.equal(sumIn(text, 'orchestrator_assignment_duration_seconds_count'), 4);
    assert.equal(sumIn(text, 'orchestrator_queue_depth', { queue: 'metrics_of_two' }), 4);
    assert.equal(sumIn(text, 'orchestrator_redis_up', { role: 'broker' }), 1);
    assert.equal(sumIn(text, 'orchestrator_build_info'), 1);
  });

  it('loses nothing that was told when a process dies, and goes on with the next one', async () => {
    await askOften(10);
    await untilCounted(20);
    const workers = await workersOf(service);
    process.kill(workers[0] ?? 0, 'SIGKILL');
    // A connection that the dying one was handed is reset.
    const text = await eventually('the other answers', () => textOf().catch(() => undefined));
    assert.equal(sumIn(text, 'orchestrator_http_requests_total', LIVENESS), 20);
    assert.equal(sumIn(text, 'orchestrator_assignment_duration_seconds_count'), 4);

    await untilNewWorker(service, workers);
    const known = await eventually('the count rests', async () => {
      const [before, after] = [await textOf(), await textOf()].map((one) =>
        sumIn(one, 'orchestrator_http_requests_total', LIVENESS),
      );
      return before === after ? after : undefined;
    });
    assert.ok(known >= 20, String(known));
    await askOften(10);
    await untilCounted(known + 10);
  });

  it('tells what a process has counted while that one hangs', async () => {
    const before = sumIn(await textOf(), 'orchestrator_http_requests_total', LIVENESS);
    const [first = 0, second = 0] = await workersOf(service);
    process.kill(first, 'SIGSTOP');
    try {
      const [text] = await Promise.any(
        Array.from({ length: 2 }, async () => [await textOf()] as const),
      );
      assert.ok(first !== second);
      assert.equal(sumIn(text, 'orchestrator_http_requests_total', LIVENESS), before);
    } finally {
      process.kill(first, 'SIGCONT');
    }
  });
});
