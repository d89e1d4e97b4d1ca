import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Locator, Page } from 'playwright-core';
import { openBrowser, startProxy, withPage } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { startTestService, type TestService } from '../support/service.js';

const NAMESPACES = { TASK_NAMESPACES: 'worker,automation', SECURITY_HEADERS: 'true' };
const KEY = 'console-secret-0123';

/** What Chromium logs of an answer that is no success, or of none. */
const FAILED_REQUEST = /Failed to load resource|net::ERR_/;

/** What a task, or whoever names one, might give to take over the page. */
const HOSTILE = '<img src=x onerror="window.taken=1"><script>window.taken=1</script>';

/**
 * In the page: what is wider than the window, controls without a name, and texts whose contrast is less than
 * WCAG 2.2 asks for (1.4.3).
 */
const FIND_WRONG = `(() => {
  const wrong = [];
  if (document.documentElement.scrollWidth > innerWidth) {
    wrong.push('wider than the window');
  }
  const nameOf = (control) =>
    control.getAttribute('aria-label') || control.labels?.[0]?.textContent || control.innerText;
  for (const control of document.querySelectorAll('input, select, textarea, button, a[href]')) {
    if (!nameOf(control)) {
      wrong.push('no name: ' + control.id);
    }
  }
  const luminance = (color) => {
    const [r, g, b] = color.match(/[0-9.]+/g).slice(0, 3).map((part) => {
      const value = part / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return color === 'rgba(0, 0, 0, 0)' ? groundOf(element.parentElement) : color;
  };
  for (const element of document.body.querySelectorAll('*')) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (hasText && element.checkVisibility()) {
      const both = [getComputedStyle(element).color, groundOf(element)].map(luminance).sort();
      const contrast = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
      if (contrast < 4.5) {
        wrong.push(contrast + ' of ' + element.innerText);
      }
    }
  }
  return wrong;
})()`;

describe('The console', function () {
  this.timeout(60_000);
  let browser: Browser;
  before(async function () {
    browser = await openBrowser(this);
  });
  after(() => (browser as Browser | undefined)?.close());

  for (const [what, rootPath, isStripped] of [
    ['at the root', '', true],
    ['behind a proxy that strips /tasks/api', '/tasks/api', true],
    ['behind one that leaves it', '/tasks/api', false],
  ] as const) {
    describe(what, () => {
      let service: TestService;
      let proxy: Server;
      let base: string;
      before(async () => {
        service = await startTestService({ ROOT_PATH: rootPath, ...NAMESPACES });
        proxy = await startProxy(service.url, isStripped ? rootPath : '');
        base = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${rootPath}`;
      });
      after(async () => {
        proxy.closeAllConnections();
        proxy.close();
        await service.close();
      });

      for (const path of ['/console', '/console/']) {
        it(`assigns a task on ${path}, moves its bar and shows its result`, async () => {
          await withPage(browser, `${base}${path}`, async (page) => {
            await fill(page, 'test_task', { duration: '1.5', steps: '5', success_rate: '1' });
            const row = await assign(page);
            const seen = new Set<string>();
            await eventually('the task has ended', async () => {
              const bar = row.locator('progress');
              if (await bar.isVisible()) {
                seen.add(await row.locator('.progress-text').innerText());
              }
              return (await statusOf(row)) === 'completed' ? true : undefined;
            });
            const steps = [...seen].filter((text) => /^\d of 5 \(\d+ %\)$/.test(text));
            assert.ok(steps.length >= 3, [...seen].join('; '));
            assert.equal(await row.locator('progress').isVisible(), false);
            assert.match((await resultOf(row)) ?? '', /"duration": 1.5,\n {2}"steps": 5/);
          });
        });
      }
    });
  }

  describe('in use', () => {
    let service: TestService;
    before(async () => {
      service = await startTestService(NAMESPACES);
    });
    after(() => service.close());

    const open = (
      use: (page: Page) => Promise<void>,
      options?: Parameters<typeof withPage>[3],
    ): Promise<void> => withPage(browser, `${service.url}/console`, use, options);

    it('tells of a wrong value at its field, before and after it is sent', async () => {
      await open(
        async (page) => {
          await fill(page, 'approve_batches', {});
          await page.click('#submit');
          const ids = page.getByRole('textbox', { name: 'batch_ids (required)' });
          assert.equal(await faultOf(ids), 'is required');
          assert.equal(await isFocused(ids), true);
          assert.equal(await ids.getAttribute('placeholder'), 'B-1001\nB-1002');

          await fill(page, 'test_task', { duration: 'soon', success_rate: '2', steps: '0' });
          await page.click('#submit');
          const [duration, rate, steps] = ['duration', 'success_rate', 'steps'].map((name) =>
            page.getByLabel(name, { exact: true }),
          ) as [Locator, Locator, Locator];
          assert.equal(await faultOf(duration), 'must be a number');
          await duration.fill('0');
          assert.equal(await faultOf(duration), '');
          await page.click('#submit');
          await eventually('the answer', async () => (await faultOf(rate)) || undefined);
          assert.equal(await faultOf(rate), 'must be <= 1');
          assert.equal(await faultOf(steps), 'must be >= 1');
          assert.equal(await isFocused(rate), true);
          assert.equal(await rate.getAttribute('aria-invalid'), 'true');
          assert.equal(await page.locator('.task').count(), 0);
        },
        { expectedErrors: FAILED_REQUEST },
      );
    });

    it('takes JSON for what has no schema, or more than its schema says, and loses no digit', async () => {
      await open(async (page) => {
        await fill(page, 'automation.echo', {});
        const params = page.getByLabel('params', { exact: true });
        await params.fill('[1]');
        await page.click('#submit');
        assert.match(await faultOf(params), /must be a JSON object/);
        await params.fill('{"a": 1');
        await page.click('#submit');
        assert.match(await faultOf(params), /is not JSON/);
        await params.fill('{"n": 9007199254740993, "f": 1.0}');
        const row = await assign(page);
        await ended(row);
        assert.match((await resultOf(row)) ?? '', /"n": 9007199254740993,\n {2}"f": 1.0/);

        await fill(page, 'test_task', { duration: '0' });
        await page.getByLabel('Edit as JSON').check();
        assert.equal(await params.inputValue(), '{"duration":0}');
        await params.fill('{"duration":0,"steps":1,"note":"more"}');
        await ended(await assign(page));
      });
    });

    it('sends a list as it is entered, a line for each item', async () => {
      await open(async (page) => {
        await fill(page, 'approve_batches', { 'batch_ids (required)': 'B-1\n\n 17 \n"x"' });
        await page.getByLabel('auto_approve').check();
        const request = page.waitForRequest(/assign-task/);
        await assign(page);
        assert.deepEqual((await request).postDataJSON(), {
          task_type: 'approve_batches',
          params: { batch_ids: ['B-1', '17', '"x"'], auto_approve: true },
        });
      });
    });

    it('shows what a task gives as text, whatever it is', async () => {
      await open(async (page) => {
        await fill(page, 'automation.give', {});
        await page.getByLabel('params', { exact: true }).fill(JSON.stringify({ value: HOSTILE }));
        const row = await assign(page);
        await ended(row);
        assert.equal(await resultOf(row), JSON.stringify(HOSTILE));

        await fill(page, 'automation.state', {});
        const meta = { current: 1, total: 4, message: HOSTILE };
        const params = JSON.stringify({ state: HOSTILE, meta });
        await page.getByLabel('params', { exact: true }).fill(params);
        const other = await assign(page);
        await eventually('its progress', async () =>
          (await other.locator('.progress-text').innerText()).includes(HOSTILE) ? true : undefined,
        );
        assert.equal(await statusOf(other), HOSTILE.toLowerCase());
        assert.equal(await other.locator('progress').getAttribute('value'), '0.25');

        const tasks = JSON.stringify([{ id: 'some-id', type: HOSTILE, since: 0 }]);
        await page.evaluate(`sessionStorage.setItem('console.tasks', ${JSON.stringify(tasks)})`);
        await page.reload();
        assert.equal(await page.locator('.task h3').innerText(), HOSTILE);
        assert.equal(await page.locator('img, main script').count(), 0);
        assert.equal(await page.evaluate('window.taken'), undefined);
      });
    });

    it('shows what workers call themselves as text, whatever it is', async () => {
      await open(async (page) => {
        const [workers, queues] = [[HOSTILE], [HOSTILE]];
        const depths = { depth: 1, depth_by_priority: { [HOSTILE]: 1 }, consumers: 1 };
        await page.route(/\/tasks\/$/, (route) =>
          route.fulfill({
            json: {
              tasks: [{ name: HOSTILE, task_type: HOSTILE, workers, queues }],
              workers: [{ hostname: HOSTILE, queues }],
            },
          }),
        );
        await page.route(/\/queues\/$/, (route) =>
          route.fulfill({ json: { queues: [{ name: HOSTILE, ...depths }] } }),
        );
        await page.reload();
        await page.selectOption('#task-type', HOSTILE);
        assert.equal(
          await page.innerText('#task-type-about'),
          `Known to 1 worker, consuming ${HOSTILE}.`,
        );
        assert.equal(await page.locator('#workers-rows td').textContent(), HOSTILE);
        assert.equal(await page.locator('#queues-rows th').textContent(), HOSTILE);
        assert.equal(await page.locator('img, main script').count(), 0);
        assert.equal(await page.evaluate('window.taken'), undefined);
      });
    });

    it('could not make markup of a text if it tried', async () => {
      await open(
        async (page) => {
          const refusal = await page.evaluate(`(() => {
          try { document.body.innerHTML = '<b>x</b>'; return ''; } catch (error) { return String(error); }
        })()`);
          assert.match(String(refusal), /TrustedHTML/);
        },
        { expectedErrors: /TrustedHTML|Trusted Type/ },
      );
    });

    it('goes on watching after a reload, and watches tasks by their ids', async () => {
      await open(async (page) => {
        await fill(page, 'test_task', { duration: '3', steps: '3' });
        await assign(page);
        await page.reload();
        const row = page.locator('.task').first();
        assert.equal(await row.locator('h3').innerText(), 'test_task');
        await ended(row);

        const id = await service.assign('test_task', { duration: 0 });
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

    it('needs no mouse', async () => {
      await open(async (page) => {
        const press = async (key: string, until: Locator): Promise<void> => {
          await eventually('the focus', async () => {
            if (await isFocused(until)) {
              return true;
            }
            await page.keyboard.press(key);
            return undefined;
          });
        };
        await page.waitForSelector('#content:visible');
        await page.keyboard.press('Tab');
        assert.equal(await isFocused(page.locator('.skip')), true);
        await press('Tab', page.locator('#task-type'));
        await page.keyboard.type('test_task');
        await press('Tab', page.getByLabel('duration', { exact: true }));
        await page.keyboard.type('0');
        await page.keyboard.press('Enter');
        const row = page.locator('.task').first();
        await ended(row);
        await press('Tab', row.locator('summary'));
        await page.keyboard.press('Enter');
        await row.locator('pre').waitFor();
        await press('Tab', row.getByRole('button', { name: 'Remove' }));
        await page.keyboard.press('Enter');
        assert.equal(await page.locator('.task').count(), 0);
        assert.equal(await isFocused(page.locator('#watch-id')), true);
      });
    });

    for (const colorScheme of ['light', 'dark'] as const) {
      it(`fits a phone, names every control and can be read, ${colorScheme}`, async () => {
        await open(
          async (page) => {
            await fill(page, 'automation.give', {});
            const long = JSON.stringify({ value: { x: 'x'.repeat(300) } });
            await page.getByLabel('params', { exact: true }).fill(long);
            const row = await assign(page);
            await ended(row);
            assert.deepEqual(await page.evaluate(FIND_WRONG), []);
            await row.locator('summary').click();
            await fill(page, 'automation.fail', {});
            await page.getByLabel('params', { exact: true }).fill('{"kind":"a list"}');
            await ended(await assign(page));
            assert.deepEqual(await page.evaluate(FIND_WRONG), []);
          },
          { page: { colorScheme, viewport: { width: 360, height: 720 } } },
        );
      });
    }

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

    it('sends the options of an assignment, and tells of wrong ones at their fields', async () => {
      await open(
        async (page) => {
          await fill(page, 'test_task', { duration: '0' });
          await page.locator('#options summary').click();
          const option = (name: string): Locator =>
            page.locator('#options').getByLabel(name, { exact: true });
          await option('priority').fill('10');
          await page.click('#submit');
          await eventually(
            'the answer',
            async () => (await faultOf(option('priority'))) || undefined,
          );
          assert.equal(await faultOf(option('priority')), 'must be <= 9');
          await option('priority').fill('9');
          await option('expires').fill('60');
          await option('headers').fill('{"x_note": 1.0}');
          const request = page.waitForRequest(/assign-task/);
          await ended(await assign(page));
          assert.equal(
            (await request).postData(),
            '{"task_type":"test_task","params":{"duration":0},' +
              '"options":{"priority":9,"expires":60,"headers":{"x_note": 1.0}}}',
          );
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

    it('keeps the focus, and what is typed next, where the name of another type is left', async () => {
      await open(async (page) => {
        await page.waitForSelector('#content:visible');
        await page.selectOption('#task-type', { label: 'Another type…' });
        await page.focus('#other-type');
        await page.keyboard.type('automation.echo');
        await page.keyboard.press('Tab');
        await page.keyboard.type('{"a": 1}');
        const params = page.getByLabel('params', { exact: true });
        assert.equal(await isFocused(params), true);
        assert.equal(await params.inputValue(), '{"a": 1}');
      });
    });

    it('assigns a task by the first click, straight from the name of another type', async () => {
      await open(async (page) => {
        await page.waitForSelector('#content:visible');
        await page.locator('#workers-rows tr').first().waitFor();
        await page.selectOption('#task-type', { label: 'Another type…' });
        await page.focus('#other-type');
        await page.keyboard.type('automation.echo');
        // As a hand does it: where the button was when it was pressed.
        const box = await page.locator('#submit').boundingBox();
        assert.ok(box);
        await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
        await page.mouse.down();
        await page.mouse.up();
        await ended(page.locator('.task').first());
      });
    });

    it('shows the form of a type whose name is typed', async () => {
      await open(async (page) => {
        await page.waitForSelector('#content:visible');
        await page.selectOption('#task-type', { label: 'Another type…' });
        await page.fill('#other-type', 'test_task');
        await page.getByLabel('duration', { exact: true }).fill('0');
        await page.fill('#other-type', 'test_task_2');
        await page.getByLabel('params', { exact: true }).waitFor();
        assert.equal(await page.getByLabel('duration', { exact: true }).count(), 0);
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

  it('asks for a key where the installation has some, and sends it as a header alone', async () => {
    const service = await startTestService({ API_KEYS: `people=${KEY}`, ...NAMESPACES });
    try {
      await withPage(
        browser,
        `${service.url}/console`,
        async (page) => {
          const addresses: string[] = [];
          page.on('request', (request) => addresses.push(request.url()));
          const input = page.getByLabel('A key of this installation');
          await input.waitFor();
          assert.equal(await isFocused(input), true);
          await input.fill('another-secret-0123');
          await page.keyboard.press('Enter');
          await fill(page, 'test_task', { duration: '0' });
          await page.click('#submit');
          await eventually('the refusal', async () =>
            (await page.innerText('#key')).includes('That key was not accepted') ? true : undefined,
          );
          await input.fill(KEY);
          await page.keyboard.press('Enter');
          await ended(await assign(page));
          await page.reload();
          await ended(page.locator('.task').first());
          assert.equal(await input.isVisible(), false);
          await page.click('#forget-key');
          await input.waitFor();
          assert.equal(await page.evaluate("sessionStorage.getItem('console.key')"), null);
          assert.doesNotMatch(addresses.join(' '), /secret/);
        },
        { expectedErrors: FAILED_REQUEST },
      );
    } finally {
      await service.close();
    }
  });
});

/** Chooses a type and fills the fields with these labels. */
async function fill(page: Page, type: string, values: Record<string, string>): Promise<void> {
  await page.waitForSelector('#content:visible');
  const select = page.locator('#task-type');
  if ((await select.locator(`option[value="${type}"]`).count()) > 0) {
    await select.selectOption(type);
  } else {
    await select.selectOption({ label: 'Another type…' });
    await page.fill('#other-type', type);
    await page.locator('#other-type').blur();
  }
  for (const [label, value] of Object.entries(values)) {
    await page.getByLabel(label, { exact: true }).fill(value);
  }
}

/** Presses the button, and gives the row of the new task. */
async function assign(page: Page): Promise<Locator> {
  const before = await page.locator('.task').count();
  await page.click('#submit');
  await page.locator('.task').nth(before).waitFor();
  const id = await page.locator('.task code').first().innerText();
  return page.locator('.task', { hasText: id });
}

function statusOf(row: Locator): Promise<string> {
  return row.locator('.status').innerText();
}

function ended(row: Locator): Promise<string> {
  return eventually('the task has ended', async () => {
    const status = await statusOf(row);
    return ['completed', 'failed', 'stopped'].includes(status) ? status : undefined;
  });
}

function resultOf(row: Locator): Promise<string | null> {
  return row.locator('pre').textContent();
}

/** What its field says of a control. */
async function faultOf(control: Locator): Promise<string> {
  const ids = (await control.getAttribute('aria-describedby')) ?? '';
  const fault = ids.split(' ').find((id) => id.endsWith('-fault')) ?? '';
  return (await control.page().locator(`#${fault}`).textContent()) ?? '';
}

async function isFocused(locator: Locator): Promise<boolean> {
  return (await locator.and(locator.page().locator(':focus')).count()) > 0;
}
