import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { redocHtml } from 'redoc-express/dist/redoc-html-template.js';
import { parse } from 'yaml';
import { loadContract, type Contract } from '../../src/contract/contract.js';
import { redocPage } from '../../src/pages/redoc.js';
import { openBrowser, startProxy, withPage } from '../support/browser.js';
import { REPOSITORY } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';
import { resultOf } from '../support/tasks.js';

const document = parse(readFileSync(`${REPOSITORY}openapi.yaml`, 'utf8')) as {
  paths: Record<string, Record<string, { summary?: string }>>;
};
/** The operations of the contract, by their titles in both pages. */
const SUMMARIES = Object.values(document.paths)
  .flatMap((path) => Object.values(path))
  .map(({ summary = 'no summary' }) => summary);

describe('The page of ReDoc', () => {
  let contract: Contract;
  before(async () => {
    contract = await loadContract(pathToFileURL(`${REPOSITORY}openapi.yaml`), '');
  });

  for (const [what, find, replacement] of [
    ['another script', 'https://unpkg.com/redoc@', 'https://cdn.example/redoc@'],
    [
      'another style',
      '<style>',
      '<link href="https://fonts.example/a.css" rel="stylesheet"><style>',
    ],
    ['another inline script', '</body>', '<script>Redoc.more()</script></body>'],
    [
      'an inline script with attributes',
      'Redoc.init(',
      'Redoc.init(</script><script type="module">',
    ],
    ['no inline script', /<script>[^<]*<\/script>/, ''],
  ] as const) {
    it(`keeps the service from starting where redoc-express has ${what}`, () => {
      assert.throws(
        () => redocPage(contract, '', (options) => redocHtml(options).replace(find, replacement)),
        /^ContractError: The page of redoc-express has changed, and has .*: install the version that/,
      );
    });
  }
});

describe('The documentation pages', function () {
  this.timeout(60_000);
  let browser: Browser;
  before(async function () {
    browser = await openBrowser(this);
  });
  after(() => (browser as Browser | undefined)?.close());

  for (const [what, rootPath, slashes, environment] of [
    ['at the root', '', ['', '/'], {}],
    [
      'behind a proxy that strips /tasks/api, with SECURITY_HEADERS',
      '/tasks/api',
      [''],
      { SECURITY_HEADERS: 'true' },
    ],
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

      for (const path of slashes.map((slash) => `/docs${slash}`)) {
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

      for (const path of slashes.map((slash) => `/redoc${slash}`)) {
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

  it('are used on a telephone too, without scrolling sideways', async () => {
    const service = await startTestService();
    const telephone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
    try {
      await withPage(browser, `${service.url}/docs`, useOnTelephone, { page: telephone });
    } finally {
      await service.close();
    }
  });
});

async function useOnTelephone(page: Page): Promise<void> {
  const assertFits = async (when: string): Promise<void> => {
    const widths = await page.evaluate('[innerWidth, document.body.scrollWidth]');
    assert.deepEqual(widths, [390, 390], when);
  };
  await page
    .locator('.opblock')
    .nth(SUMMARIES.length - 1)
    .waitFor();
  await assertFits('closed');
  for (const path of ['/assign-task/', '/result/{task_id}', '/tasks/']) {
    await page.tap(`.opblock-summary-path[data-path="${path}"]`);
  }
  await page.locator('.responses-table').nth(2).waitFor();
  await assertFits('with open operations');
  await page.locator('button.execute').first().tap();
  const shown = page.locator('.live-responses-table .response .microlight').first();
  await shown.waitFor();
  assert.match(await shown.innerText(), /"assigned"/);
  await assertFits('with an answer');
}
