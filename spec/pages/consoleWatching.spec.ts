import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import { openBrowser, withPage } from '../support/browser.js';
import {
  NAMESPACES,
  FAILED_REQUEST,
  fill,
  assign,
  statusOf,
  ended,
  resultOf,
  isFocused,
  consoleOf,
} from '../support/console.js';
import { eventually } from '../support/eventually.js';
import { startTestService } from '../support/service.js';

describe('The console, watching tasks', function () {
  this.timeout(60_000);
  let browser: Browser;
  before(async function () {
    browser = await openBrowser(this);
  });
  after(() => (browser as Browser | undefined)?.close());

  describe('in use', () => {
    const { open, service } = consoleOf(() => browser);

    it('goes on watching after a reload, and watches tasks by their ids', async () => {
      await open(async (page) => {
        await fill(page, 'test_task', { duration: '3', steps: '3' });
        await assign(page);
        await page.reload();
        const row = page.locator('.task').first();
        assert.equal(await row.locator('h3').innerText(), 'test_task');
        await ended(row);

        const id = await service().assign('test_task', { duration: 0 });
        await page.fill('#watch-id', '../health');
        await page.press('#watch-id', 'Enter');
        assert.equal(await page.innerText('#watch-fault'), 'This is no id of a task.');
        await page.fill('#watch-id', id);
        await page.press('#watch-id', 'Enter');
        await ended(page.locator('.task', { hasText: id }));
        await page.fill('#watch-id', id);
        await page.press('#watch-id', 'Enter');
        assert.equal(await page.locator('.task', { hasText: id }).count(), 1);
        await ended(page.locator('.task', { hasText: id }));
        await page.click('#clear-ended');
        assert.equal(await page.locator('.task').count(), 0);
        await page.reload();
        await page.waitForSelector('#no-tasks:visible');
      });
    });

    it('says that the service can not be reached, and goes on when it can', async () => {
      await open(
        async (page) => {
          await fill(page, 'test_task', { duration: '0' });
          await page.context().setOffline(true);
          await page.click('#submit');
          const outcome = page.locator('#outcome');
          await eventually('the failure', async () =>
            (await outcome.innerText()).includes("can't be reached") ? true : undefined,
          );
          assert.match(await page.innerText('#unreachable'), /can't be reached since .* \(no conn/);
          await page.context().setOffline(false);
          await ended(await assign(page));
          assert.equal(await page.isVisible('#unreachable'), false);
        },
        { expectedErrors: FAILED_REQUEST },
      );
    });

    it('watches more tasks than a browser has connections, by two streams', async () => {
      await open(async (page) => {
        const streams = new Set<unknown>();
        let most = 0;
        page.on('request', (request) => {
          if (request.url().endsWith('/events')) {
            streams.add(request);
            most = Math.max(most, streams.size);
          }
        });
        page.on('requestfinished', (request) => streams.delete(request));
        page.on('requestfailed', (request) => streams.delete(request));
        await fill(page, 'test_task', { duration: '0.5', steps: '1' });
        for (let count = 0; count < 9; count += 1) {
          await assign(page);
        }
        const done = page.locator('.task[data-status="completed"]');
        await eventually('all ended', async () => ((await done.count()) === 9 ? true : undefined));
        // One that gives way to a newer one may be gone a moment later.
        assert.ok(most === 2 || most === 3, `${most} streams`);
      });
    });

    it('reads results where a proxy holds the events back', async () => {
      await open(async (page) => {
        await page.route(/\/events$/, () => undefined);
        await fill(page, 'test_task', { duration: '0' });
        await ended(await assign(page));
        await ended(await assign(page));
      });
    });

    it('stops a task that runs', async () => {
      await open(async (page) => {
        await fill(page, 'automation.sleep', {});
        await page.getByLabel('params', { exact: true }).fill('{"seconds": 60}');
        const row = await assign(page);
        await eventually('it runs', async () =>
          (await statusOf(row)) === 'started' ? true : undefined,
        );
        await row.getByRole('button', { name: 'Stop' }).press('Enter');
        assert.equal(await ended(row), 'stopped');
        assert.equal(await row.getAttribute('data-status'), 'stopped');
        assert.equal(await row.locator('summary').innerText(), 'Reason');
        assert.match((await resultOf(row)) ?? '', /terminated|revoked/);
        assert.equal(await row.getByRole('button', { name: 'Stop' }).count(), 0);
        assert.equal(await isFocused(row.getByRole('button', { name: 'Remove' })), true);
      });
    });

    it('says when a task was assigned, with the date, and how long it took', async () => {
      await open(async (page) => {
        await fill(page, 'test_task', { duration: '1' });
        const row = await assign(page);
        await ended(row);
        const [year] = new Date().toISOString().split('-');
        assert.match(
          await row.locator('time').innerText(),
          new RegExp(`${year}.*\\d:\\d\\d:\\d\\d`),
        );
        const took = row.locator('.duration', { hasText: /^, took \d+\.\d s$/ });
        await took.waitFor();
        const text = await took.innerText();
        await page.reload();
        await took.waitFor();
        assert.equal(await took.innerText(), text);
      });
    });

    it('shows the queues and the workers, and which of them has a task', async () => {
      await open(async (page) => {
        await page.locator('#workers-rows tr', { hasText: 'worker_queue' }).waitFor();
        await page.locator('#queues-rows tr', { hasText: 'worker_queue' }).waitFor();
        assert.match(await page.innerText('#queues-state'), /^As of /);
        await page.selectOption('#task-type', 'health_check');
        assert.match(
          await page.innerText('#task-type-about'),
          /^Known to 1 worker, consuming .*worker_queue/,
        );
        await page.selectOption('#task-type', 'automation.echo');
        await fill(page, 'nobody_has_it', {});
        assert.equal(
          await page.innerText('#task-type-about'),
          'No worker that answers has this task.',
        );
      });
    });

    it('says what this version of the service has not, and works without it', async () => {
      const body = { status: 'error', message: 'Nothing is found', request_id: 'a' };
      await open(
        async (page) => {
          await page.route(/\/(queues|tasks)\/|\/events$|\/results/, (route) =>
            route.fulfill({ status: 404, json: body }),
          );
          await page.reload();
          await fill(page, 'test_task', { duration: '0' });
          const words = 'Not available in this version of the service.';
          await page.locator('#queues-state', { hasText: words }).waitFor();
          await page.locator('#workers-state', { hasText: words }).waitFor();
          await ended(await assign(page));
          await ended(await assign(page));
        },
        { expectedErrors: FAILED_REQUEST },
      );
    });

    it('assigns a task once, though its answer was lost and it was sent again', async () => {
      await open(
        async (page) => {
          await fill(page, 'test_task', { duration: '0' });
          const ids: unknown[] = [];
          let isLost = true;
          await page.route(/assign-task/, async (route) => {
            const answer = await route.fetch();
            ids.push(((await answer.json()) as { task_id: string }).task_id);
            await (isLost ? route.abort('connectionreset') : route.fulfill({ response: answer }));
            isLost = false;
          });
          await page.click('#submit');
          await eventually('the failure', async () =>
            (await page.innerText('#outcome')).includes('To assign it again is safe')
              ? true
              : undefined,
          );
          await ended(await assign(page));
          await assign(page);
          assert.equal(new Set(ids.slice(0, 2)).size, 1);
          assert.equal(new Set(ids).size, 2);
        },
        { expectedErrors: FAILED_REQUEST },
      );
    });
  });

  it('goes on watching when the service was restarted', async () => {
    let service = await startTestService(NAMESPACES);
    const { url } = service;
    try {
      await withPage(
        browser,
        `${url}/console`,
        async (page) => {
          await fill(page, 'test_task', { duration: '4', steps: '40' });
          const row = await assign(page);
          await row.locator('progress[value]').waitFor();
          await service.close();
          const banner = page.locator('#unreachable');
          await banner.filter({ hasText: "can't be reached since" }).waitFor();
          service = await startTestService({ ...NAMESPACES, FASTAPI_PORT: new URL(url).port });
          assert.equal(await ended(row), 'completed');
          await banner.waitFor({ state: 'hidden' });
        },
        { expectedErrors: FAILED_REQUEST },
      );
    } finally {
      await service.close();
    }
  });

  it('tells why a task waits', async () => {
    const routes = 'worker.lonely=console_lonely_queue,worker.*=worker_queue';
    const service = await startTestService({ ...NAMESPACES, TASK_ROUTES: routes });
    try {
      await withPage(browser, `${service.url}/console`, async (page) => {
        await fill(page, 'lonely', {});
        const row = await assign(page);
        await eventually('its status', async () =>
          (await statusOf(row)) === 'pending' ? true : undefined,
        );
        await row.getByRole('button', { name: 'Why does' }).click();
        await row.locator('.note', { hasText: 'console_lonely_queue' }).waitFor();
      });
    } finally {
      await service.close();
    }
  });
});
