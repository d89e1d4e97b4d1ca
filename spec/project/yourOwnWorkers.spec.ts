import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess, type RunningProcess } from '../../stack/process.js';
import { pageAt, readPages } from '../support/documents/markdown.js';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';
import { startServiceProcess } from '../support/serviceProcess.js';
import { databaseUrl } from '../support/taskFleet.js';

const PAGE = 'docs/your-own-workers.md';
const DATABASE = 4;
const REDIS_OF_PAGE = /redis:\/\/localhost:6379\/0/g;

describe(`${PAGE}, as it is written`, function () {
  this.timeout(60_000);
  const { blocks } = pageAt(readPages(), PAGE);
  const textsIn = (language: string): string[] =>
    blocks
      .filter((one) => one.language === language)
      .map(({ text }) => text.replaceAll(REDIS_OF_PAGE, databaseUrl(DATABASE)));
  const textIn = (language: string): string => {
    const [text, ...more] = textsIn(language);
    assert.ok(text !== undefined && more.length === 0, `${PAGE} has not one ${language} block`);
    return text;
  };
  let folder: string;
  let worker: RunningProcess;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shop-'));
    await writeFile(join(folder, 'shop.py'), textIn('python'));
    await writeFile(join(folder, 'tasks.yaml'), textIn('yaml'));
    const words = (textsIn('text')[0] ?? '').trim().split(' ');
    const start = words.indexOf('celery');
    const variables = words.slice(0, start).map((word) => word.split('=') as [string, string]);
    let isReady = false;
    worker = await startProcess({
      name: 'The worker of the shop',
      command: theFleet().python.python,
      arguments: ['-m', 'celery', ...words.slice(start + 1), '--concurrency', '1'],
      environment: { ...process.env, ...Object.fromEntries(variables) },
      folder,
      onLine: (line) => {
        isReady ||= / ready\.\s*$/.test(line);
      },
    });
    await eventually('the worker is ready', () => isReady || undefined);
  });
  after(async () => {
    await (worker as RunningProcess | undefined)?.stop();
    await rm(folder, { recursive: true });
  });

  const withService = async (
    environmentFile: string,
    use: (url: string) => Promise<void>,
  ): Promise<void> => {
    const environment = { REDIS_URL: databaseUrl(DATABASE) };
    const service = await startServiceProcess(environment, { environmentFile });
    try {
      await use(service.url);
    } finally {
      await service.close();
    }
  };

  const assign = (url: string, body: string): Promise<Response> =>
    fetch(`${url}/assign-task/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });

  it('runs each of its requests, and lists the tasks by the names to send', () =>
    withService(textsIn('text')[1] ?? '', async (url) => {
      const results: unknown[] = [];
      for (const request of textIn('jsonl').trim().split('\n')) {
        const { task_id } = (await (await assign(url, request)).json()) as { task_id: string };
        const result = await fetch(`${url}/result/${task_id}?wait=20`);
        results.push(((await result.json()) as { result: unknown }).result);
      }
      const [invoice, ofArguments, hostname] = results;
      assert.deepEqual(invoice, { customer: 'C-7', amount: 2, currency: 'EUR' });
      assert.deepEqual(ofArguments, { customer: 'C-7', amount: 1, currency: 'CHF' });
      assert.match(String(hostname), /^celery@/);

      const { tasks } = (await (await fetch(`${url}/tasks/`)).json()) as {
        tasks: { task_type: string; queues: string[] }[];
      };
      assert.deepEqual(
        tasks.map(({ task_type }) => task_type),
        ['shop.billing.invoice', 'shop.whoami'],
      );
      assert.deepEqual(tasks[0]?.queues, ['billing', 'celery']);
    }));

  it('checks params by its tasks file, and has the types of results', () => {
    const lines = textsIn('text')
      .slice(1)
      .join('')
      .replace('tasks.yaml', join(folder, 'tasks.yaml'));
    return withService(lines, async (url) => {
      const response = await assign(
        url,
        '{"task_type": "shop.billing.invoice", "params": {"customer": "C-7", "amount": 0}}',
      );
      assert.equal(response.status, 400);
      const { message } = (await response.json()) as { message: string };
      assert.equal(message, 'The request is not valid: /params/amount must be >= 1');
      const contract = (await (await fetch(`${url}/openapi.json`)).json()) as {
        components: { schemas: Record<string, { properties: object }> };
      };
      const { properties = {} } = contract.components.schemas.ShopBillingInvoiceResult ?? {};
      assert.deepEqual(Object.keys(properties), ['customer', 'amount', 'currency']);
    });
  });
});
