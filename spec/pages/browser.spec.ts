import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../support/browser.js';
import { startTestService, type TestService } from '../support/service.js';

const KEY = 'a-key-of-the-frontend';

describe('A page of another origin', function () {
  this.timeout(60_000);
  let browser: Browser;
  let frontend: Server;
  let service: TestService;
  let page: Page;
  before(async function () {
    browser = await openBrowser(this);
    frontend = createServer((_request, response) => {
      response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>Frontend</title>');
    });
    await new Promise<void>((resolve) => frontend.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(frontend.address() as AddressInfo).port}`;
    service = await startTestService({ API_KEYS: `frontend=${KEY}`, CORS_ORIGINS: origin });
    page = await browser.newPage();
    await page.goto(origin);
  });
  after(async () => {
    await (browser as Browser | undefined)?.close();
    (frontend as Server | undefined)?.close();
    await (service as TestService | undefined)?.close();
  });
  const assign = async (): Promise<string> => {
    const response = await service
      .post('/assign-task/')
      .set('x-api-key', KEY)
      .send({ task_type: 'test_task', params: { duration: 1, steps: 3 } })
      .expect(200);
    return (response.body as { task_id: string }).task_id;
  };

  it('follows a task by an EventSource, which ends when the task has', async () => {
    const url = `${service.url}/result/${await assign()}/events?api_key=${KEY}`;
    const told = await page.evaluate(
      (address) =>
        new Promise<{ statuses: string[]; opened: number; end: string }>((resolve, reject) => {
          const source = new EventSource(address);
          const statuses: string[] = [];
          let opened = 0;
          source.onopen = () => (opened += 1);
          source.onerror = () => {
            reject(new Error(`It fails after ${statuses.join()}`));
          };
          source.onmessage = ({ data }) => {
            statuses.push((JSON.parse(String(data)) as { status: string }).status);
          };
          source.addEventListener('end', (event) => {
            source.close();
            resolve({ statuses, opened, end: String((event as MessageEvent).data) });
          });
        }),
      url,
    );
    assert.deepEqual([told.opened, told.end], [1, '{}']);
    assert.ok(told.statuses.filter((status) => status === 'progress').length >= 3);
    assert.equal(told.statuses.at(-1), 'completed');
  });

  it('follows a task by a WebSocket, which closes in order', async () => {
    const url = `${service.url.replace('http', 'ws')}/ws/task/${await assign()}?api_key=${KEY}`;
    const told = await page.evaluate(
      (address) =>
        new Promise<{ last: object; code: number; wasClean: boolean }>((resolve) => {
          const socket = new WebSocket(address);
          let last = {};
          socket.onmessage = ({ data }) => {
            last = JSON.parse(String(data)) as object;
          };
          socket.onclose = ({ code, wasClean }) => {
            resolve({ last, code, wasClean });
          };
        }),
      url,
    );
    assert.deepEqual([told.code, told.wasClean], [1000, true]);
    const { status, final } = told.last as { status: string; final: boolean };
    assert.deepEqual([status, final], ['completed', true]);
  });
});
