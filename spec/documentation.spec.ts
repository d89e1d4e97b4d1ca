import assert from 'node:assert/strict';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser, type Page } from 'playwright-core';
import { findChromium } from './support/chromium.js';
import { startTestService, type TestService } from './support/service.js';
import { resultOf } from './support/tasks.js';

/** The operations of the contract, by their titles in both pages. */
const SUMMARIES = [
  'Assign a task to the workers',
  'Read how a task stands and what it returned',
  'Follow a task as Server-Sent Events',
  'Follow a task on a WebSocket',
  'Health of the service and of Redis',
  'Is the process alive?',
  'Should this instance get traffic?',
  'Service information',
  'This contract in Swagger UI',
  'This contract in ReDoc',
  'This contract as JSON',
  'This contract as YAML',
];

describe('The documentation pages', function () {
  this.timeout(60_000);
  let browser: Browser;
  before(async function () {
    const executablePath = findChromium();
    if (executablePath === undefined) {
      console.log('    Skipped: no Chromium on the PATH (Debian: apt-get install chromium)');
      this.skip();
    }
    const arguments_ = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];
    browser = await chromium.launch({ executablePath, args: arguments_ });
  });
  after(() => (browser as Browser | undefined)?.close());

  for (const [rootPath, what, environment] of [
    ['', 'at the root', {}],
    ['/tasks/api', 'behind a proxy that strips /tasks/api', {}],
    ['/tasks/api', 'there with SECURITY_HEADERS', { SECURITY_HEADERS: 'true' }],
  ] as const) {
    describe(what, () => {
      let service: TestService;
      let proxy: Server;
      let base: string;
      before(async () => {
        service = await startTestService({ ROOT_PATH: rootPath, ...environment });
        proxy = await startProxy(service.url, rootPath);
        base = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${rootPath}`;
      });
      after(async () => {
        proxy.closeAllConnections();
        proxy.close();
        await service.close();
      });

      for (const path of ['/docs', '/docs/']) {
        it(`draws ${path} in full, with nothing from outside`, async () => {
          await withPage(browser, `${base}${path}`, async (page) => {
            const operations = page.locator('.opblock');
            await operations.nth(SUMMARIES.length - 1).waitFor();
            assert.equal(await operations.count(), SUMMARIES.length);
            const text = await page.innerText('body');
            for (const summary of SUMMARIES) {
              assert.ok(text.includes(summary), `${summary} is not shown`);
            }
          });
        });
      }

      it('assigns a real task by "Try it out"', async () => {
        await withPage(browser, `${base}/docs`, async (page) => {
          await page.click('.opblock-summary-path:has-text("assign-task")');
          await page.click('button.execute');
          const shown = page.locator('.live-responses-table .response .microlight').first();
          await shown.waitFor();
          const answer = JSON.parse(await shown.innerText()) as { task_id: string; status: string };
          assert.equal(answer.status, 'assigned');
          assert.equal((await resultOf(service, answer.task_id)).status, 'completed');
        });
      });

      for (const path of ['/redoc', '/redoc/']) {
        it(`draws ${path} in full, with nothing from outside`, async () => {
          await withPage(browser, `${base}${path}`, async (page) => {
            await page.waitForSelector('h2:has-text("This contract as YAML")');
            const text = await page.innerText('body');
            for (const summary of ['Celery orchestrator', ...SUMMARIES]) {
              assert.ok(text.includes(summary), `${summary} is not shown`);
            }
          });
        });
      }
    });
  }
});

/** Opens a page that reaches its own origin only, and demands that it wanted no more and had no error. */
async function withPage(
  browser: Browser,
  url: string,
  use: (page: Page) => Promise<void>,
): Promise<void> {
  const page = await browser.newPage();
  const outside: string[] = [];
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') {
      errors.push(message.text());
    }
  });
  const { origin } = new URL(url);
  await page.route('**/*', async (route) => {
    const wanted = new URL(route.request().url());
    if (wanted.origin === origin || ['data:', 'blob:'].includes(wanted.protocol)) {
      await route.continue();
    } else {
      outside.push(wanted.href);
      await route.abort();
    }
  });
  try {
    await page.goto(url);
    await use(page);
    assert.deepEqual(outside, []);
    assert.deepEqual(errors, []);
  } finally {
    await page.close();
  }
}

/** A reverse proxy as small as can be: it strips `prefix` and knows nothing else. */
async function startProxy(target: string, prefix: string): Promise<Server> {
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url ?? '/';
    if (!path.startsWith(prefix)) {
      outgoing.writeHead(404).end();
      return;
    }
    const forwarded = request(
      `${target}${path.slice(prefix.length) || '/'}`,
      { method: incoming.method, headers: incoming.headers, agent: false },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
