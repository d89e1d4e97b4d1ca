import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Locator } from 'playwright-core';
import { openBrowser, startProxy, withPage } from '../support/browser.js';
import {
  NAMESPACES,
  KEY,
  FAILED_REQUEST,
  HOSTILE,
  FIND_WRONG,
  fill,
  assign,
  statusOf,
  ended,
  resultOf,
  faultOf,
  isFocused,
  consoleOf,
} from '../support/console.js';
import { eventually } from '../support/eventually.js';
import { startTestService, type TestService } from '../support/service.js';

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
    const { open } = consoleOf(() => browser);

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

    it('calls a task with args and kwargs, where no schema describes its params', async () => {
      await open(async (page) => {
        await fill(page, 'test_task', {});
        const choice = page.getByLabel('Call with args and kwargs');
        assert.equal(await choice.isVisible(), false);
        await fill(page, 'automation.echo', {});
        await choice.check();
        const [args, kwargs] = ['args', 'kwargs'].map((name) =>
          page.getByLabel(name, { exact: true }),
        ) as [Locator, Locator];
        await args.fill('{}');
        await page.click('#submit');
        assert.match(await faultOf(args), /must be a JSON list, such as/);
        await args.fill('[{"n": 9007199254740993}]');
        await kwargs.fill('{}');
        const request = page.waitForRequest(/assign-task/);
        await ended(await assign(page));
        assert.equal(
          (await request).postData(),
          '{"task_type":"automation.echo","args":[{"n": 9007199254740993}],"kwargs":{}}',
        );
        await choice.uncheck();
        await page.getByLabel('params', { exact: true }).waitFor();
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
