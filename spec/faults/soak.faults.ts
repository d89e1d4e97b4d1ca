import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { assertNone } from '../support/faults/audit.js';
import { report } from '../support/faults/figures.js';
import { ask } from '../support/faults/http.js';
import { memorySlope, peakMemory, sampleProcess } from '../support/faults/resources.js';
import { onStage } from '../support/faults/stage.js';

const SECONDS = Number(process.env.SOAK_SECONDS ?? 60);
const IN_FLIGHT = 32;
/** A leak of a kilobyte a request would be far above it, and the heap's own ups and downs are below. */
const SLOPE_BOUND_MEGABYTES_A_MINUTE = 40;

interface Kind {
  method: string;
  path: string;
  body?: string;
  status: number;
}

const ASSIGN: Kind = {
  method: 'POST',
  path: '/assign-task/',
  body: '{"task_type":"nobody_runs_this","params":{"a":[1,2.5,"text",{"b":null}]}}',
  status: 200,
};
const RESULT: Kind = { method: 'GET', path: '/result/nobody-knows-this', status: 200 };
const HEALTH: Kind = { method: 'GET', path: '/health', status: 200 };
const BAD: readonly Kind[] = [
  { ...ASSIGN, body: '{"task_type":', status: 400 },
  { ...ASSIGN, body: '{"params":{}}', status: 400 },
  { ...ASSIGN, body: `{"task_type":"a","params":${'['.repeat(1_000)}`, status: 400 },
  { ...ASSIGN, body: '{"task_type":"approve_batches","params":{"batch_ids":0}}', status: 400 },
  { ...ASSIGN, method: 'DELETE', status: 405 },
  { method: 'GET', path: '/result/%ff', status: 400 },
  { method: 'GET', path: '/no/such/route', status: 404 },
];

describe('A long run of mixed requests', function () {
  this.timeout(SECONDS * 1_000 + 120_000);

  it('leaks neither memory nor connections', async () => {
    await onStage(async ({ control, service }) => {
      const { url, process: running } = await service();
      // The queue must not grow for an hour; what is in it is of no interest here.
      const emptying = setInterval(() => void control.del('worker_queue'), 1_000);
      const endSamples = sampleProcess(running.pid, 250);
      const { count, wrong } = await runMixedLoad(url);
      clearInterval(emptying);
      const samples = await endSamples();

      const afterWarmUp = samples.slice(Math.floor(samples.length / 3));
      const slope = memorySlope(afterWarmUp);
      const descriptors = afterWarmUp.map((one) => one.descriptors ?? 0);
      const [fewest, most] = [Math.min(...descriptors), Math.max(...descriptors)];
      report({
        scenario: `mixed requests for ${SECONDS} s`,
        requests: count,
        others: wrong.length === 0 ? 'as expected' : `${wrong.length} unexpected`,
        remark:
          `memory ${slope.toFixed(1)} MB a minute, ${peakMemory(samples).toFixed(0)} MB at most; ` +
          `${fewest} to ${most} file descriptors`,
      });
      assert.ok(count > 100 * SECONDS, `only ${count} requests in ${SECONDS} s`);
      assertNone(wrong, 'unexpected answers');
      assert.ok(
        slope < SLOPE_BOUND_MEGABYTES_A_MINUTE,
        `memory grows by ${slope.toFixed(1)} MB a minute`,
      );
      // A connection that a client has just cut is closed a moment later.
      assert.ok(most - fewest <= IN_FLIGHT, `${fewest} to ${most} file descriptors`);
      assert.equal((await ask({ url: `${url}/health/ready` })).status, 200);
    });
  });
});

/** Sends for SECONDS, and gives how many requests and what was answered otherwise than it should. */
async function runMixedLoad(url: string): Promise<{ count: number; wrong: string[] }> {
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  const end = performance.now() + SECONDS * 1_000;
  const wrong: string[] = [];
  let count = 0;
  const sendOneByOne = async (): Promise<void> => {
    while (performance.now() < end) {
      count += 1;
      if (count % 100 === 0) {
        await hangUp(url);
        continue;
      }
      const { method, path, body, status } = kindOf(count);
      const reply = await ask({
        method,
        url: `${url}${path}`,
        agent,
        ...(body !== undefined && { body: [Buffer.from(body)] }),
      });
      if (reply.status !== status) {
        wrong.push(`${method} ${path} ${body ?? ''}: ${reply.status}, not ${status}`);
      }
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, sendOneByOne));
  agent.destroy();
  return { count, wrong };
}

function kindOf(index: number): Kind {
  const turn = index % 10;
  if (turn === 9) {
    return BAD[Math.floor(index / 10) % BAD.length] ?? HEALTH;
  }
  return turn < 5 ? ASSIGN : turn < 8 ? RESULT : HEALTH;
}

/** Goes away in the middle of a body. */
async function hangUp(url: string): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.write(
      'POST /assign-task/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"task_type":',
      () => {
        socket.destroy();
        resolve();
      },
    );
  });
}
