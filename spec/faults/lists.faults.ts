import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { readQueue, seconds } from '../support/faults/audit.js';
import { cutConnectionsEvery } from '../support/faults/cuts.js';
import { report } from '../support/faults/figures.js';
import { ask } from '../support/faults/http.js';
import { load } from '../support/faults/load.js';
import { peakMemory, sampleProcess } from '../support/faults/resources.js';
import { onStage, untilSettled } from '../support/faults/stage.js';

const LISTS = 400;
const LENGTH = 100;
const IN_FLIGHT = 16;

/** As for single tasks. */
const MEMORY_BOUND_MEGABYTES = 600;

interface ListAnswer {
  list: number;
  status: number;
  /** In the order of the answer; none but with 200. */
  ids: readonly string[];
  queued: string | undefined;
  milliseconds: number;
}

describe('Lists of 100 tasks, while every connection to Redis is cut each 50 ms', function () {
  this.timeout(180_000);

  it('are queued whole and once, beside single tasks', async () => {
    await onStage(async ({ redis, control, service }) => {
      const { url } = await service();
      const endCuts = cutConnectionsEvery(50, control);
      const [answers, single] = await Promise.all([
        sendLists(url),
        load([url], { count: 5_000, inFlight: 16 }),
      ]);
      const cut = await endCuts();
      await untilSettled(redis.url, [url]);

      const found = await examine(redis.url, answers, `and 5,000 tasks; ${cut} connections cut`);
      assert.deepEqual(found.faults, []);
      assert.equal(found.ok, LISTS);
      assert.ok(single.every(({ status }) => status === 200));
      assert.ok(cut > 10);
    });
  });

  it('are queued whole or not at all where their time is up, and the answers say which', async () => {
    await onStage(async ({ redis, control, service }) => {
      const { url } = await service({ ASSIGN_TIMEOUT_MS: '150' });
      const endCuts = cutConnectionsEvery(50, control);
      const pauses = setInterval(() => {
        void control.call('CLIENT', 'PAUSE', '300', 'WRITE');
      }, 500);
      const answers = await sendLists(url);
      clearInterval(pauses);
      await endCuts();
      await untilSettled(redis.url, [url]);

      const found = await examine(redis.url, answers, 'Redis pauses for 300 ms each 500 ms');
      assert.deepEqual(found.faults, []);
      assert.ok(found.ok > 0 && found.ok < LISTS, `${found.ok} of ${LISTS} lists are queued`);
    });
  });
});

describe('Lists of 1,000 tasks while Redis hangs', function () {
  this.timeout(120_000);

  it('are turned away, in bounded memory', async () => {
    await onStage(async ({ redis, service }) => {
      const { url, process: running } = await service();
      const endSamples = sampleProcess(running.pid, 100);
      const agent = new Agent({ keepAlive: true, maxSockets: 500 });
      const tasks = Array<object>(1_000).fill({ task_type: 'nobody_runs_this' });
      const body = [Buffer.from(JSON.stringify(tasks))];
      const question = { method: 'POST', url: `${url}/assign-tasks/`, body, agent };
      redis.pause();
      const replies = await Promise.all(Array.from({ length: 1_000 }, () => ask(question)));
      const memory = peakMemory(await endSamples());
      redis.resume();
      agent.destroy();
      await untilSettled(redis.url, [url]);

      const refused = replies.filter(({ status }) => status === 503);
      report({
        scenario: 'Redis hangs: 1,000 lists of 1,000 tasks, 500 in flight',
        requests: replies.length,
        ok: replies.filter(({ status }) => status === 200).length,
        others: `${refused.length} x 503, ${replies.length - refused.length} x 500`,
        remark: `memory ${memory.toFixed(0)} MB at most`,
      });
      assert.ok(refused.length > 0);
      for (const { headers, text } of refused) {
        assert.equal(headers['retry-after'], '1');
        assert.match(text, /"queued":"no"/);
      }
      assert.ok(replies.every(({ status }) => status === 503 || status === 500));
      assert.ok(memory < MEMORY_BOUND_MEGABYTES, `memory grew to ${memory} MB`);
    });
  });
});

async function sendLists(url: string): Promise<readonly ListAnswer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  const answers: ListAnswer[] = [];
  let next = 0;
  const sendOneByOne = async (): Promise<void> => {
    while (next < LISTS) {
      const list = next;
      next += 1;
      answers.push(await sendList(url, list, agent));
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, sendOneByOne));
  agent.destroy();
  return answers;
}

async function sendList(url: string, list: number, agent: Agent): Promise<ListAnswer> {
  const tasks = Array.from({ length: LENGTH }, (_, index) => ({
    task_type: 'nobody_runs_this',
    params: { marker: `list ${list} ${index}` },
  }));
  const start = performance.now();
  const { status, text } = await ask({
    method: 'POST',
    url: `${url}/assign-tasks/`,
    body: [Buffer.from(JSON.stringify(tasks))],
    agent,
  });
  const milliseconds = performance.now() - start;
  const body = JSON.parse(text) as { task_id: string }[] | { details?: { queued?: string } };
  return Array.isArray(body)
    ? { list, status, ids: body.map(({ task_id }) => task_id), queued: undefined, milliseconds }
    : { list, status, ids: [], queued: body.details?.queued, milliseconds };
}

/** Holds the answers against the queue, and puts them into the table at the end. */
async function examine(
  redisUrl: string,
  answers: readonly ListAnswer[],
  remark: string,
): Promise<{ ok: number; faults: readonly string[] }> {
  const queued = new Map<number, string[]>();
  // Oldest first.
  for (const { id, marker } of (await readQueue(redisUrl)).reverse()) {
    const [, list, index] = /^list (\d+) (\d+)$/.exec(marker) ?? [];
    if (list !== undefined) {
      const ids = queued.get(Number(list)) ?? [];
      ids.push(`${index} ${id}`);
      queued.set(Number(list), ids);
    }
  }
  const faults = { lost: 0, doubled: 0, wronglyNo: 0, partly: 0, untold: 0 };
  for (const { list, status, ids, queued: told } of answers) {
    const found = queued.get(list) ?? [];
    const isWhole =
      found.length === LENGTH && found.every((one, index) => one.startsWith(`${index} `));
    const isRight = isWhole && found.every((one, index) => one === `${index} ${ids[index]}`);
    faults.lost += status === 200 && !isRight ? 1 : 0;
    faults.doubled += found.length > LENGTH ? 1 : 0;
    faults.partly += found.length > 0 && !isWhole ? 1 : 0;
    faults.wronglyNo += told === 'no' && found.length > 0 ? 1 : 0;
    faults.untold += status !== 200 && !['no', 'unknown'].includes(told ?? '') ? 1 : 0;
  }
  const ok = answers.filter(({ status }) => status === 200).length;
  const others = ['no', 'unknown'].map((word) => {
    return `${answers.filter(({ queued: told }) => told === word).length} x "${word}"`;
  });
  report({
    scenario: 'lists of 100, connections cut each 50 ms',
    requests: answers.length,
    ok,
    others: ok === answers.length ? '' : others.join(', '),
    ...faults,
    longest: `answer ${seconds(Math.max(...answers.map(({ milliseconds }) => milliseconds)))}`,
    remark,
  });
  return {
    ok,
    faults: Object.entries(faults)
      .filter(([, count]) => count > 0)
      .map(([fault, count]) => `${count} ${fault}`),
  };
}
