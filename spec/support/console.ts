import type { Browser, Locator, Page } from 'playwright-core';
import { withPage } from './browser.js';
import { eventually } from './eventually.js';
import { startTestService, type TestService } from './service.js';

export const NAMESPACES = { TASK_NAMESPACES: 'worker,automation', SECURITY_HEADERS: 'true' };
export const KEY = 'console-secret-0123';

/** What Chromium logs of an answer that is no success, or of none. */
export const FAILED_REQUEST = /Failed to load resource|net::ERR_/;

/** What a task, or whoever names one, might give to take over the page. */
export const HOSTILE = '<img src=x onerror="window.taken=1"><script>window.taken=1</script>';

/**
 * In the page: what is wider than the window, controls without a name, and texts whose contrast is less than
 * WCAG 2.2 asks for (1.4.3).
 */
export const FIND_WRONG = `(() => {
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

/** Starts a service for the specs of this block, and returns it and the function that opens its console. */
export function consoleOf(browser: () => Browser) {
  let service: TestService;
  before(async () => {
    service = await startTestService(NAMESPACES);
  });
  after(() => service.close());
  return {
    service: () => service,
    open: (
      use: (page: Page) => Promise<void>,
      options?: Parameters<typeof withPage>[3],
    ): Promise<void> => withPage(browser(), `${service.url}/console`, use, options),
  };
}

/** Chooses a type and fills the fields with these labels. */
export async function fill(
  page: Page,
  type: string,
  values: Record<string, string>,
): Promise<void> {
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
export async function assign(page: Page): Promise<Locator> {
  const before = await page.locator('.task').count();
  await page.click('#submit');
  await page.locator('.task').nth(before).waitFor();
  const id = await page.locator('.task code').first().innerText();
  return page.locator('.task', { hasText: id });
}

export function statusOf(row: Locator): Promise<string> {
  return row.locator('.status').innerText();
}

export function ended(row: Locator): Promise<string> {
  return eventually('the task has ended', async () => {
    const status = await statusOf(row);
    return ['completed', 'failed', 'stopped'].includes(status) ? status : undefined;
  });
}

export function resultOf(row: Locator): Promise<string | null> {
  return row.locator('pre').textContent();
}

/** What its field says of a control. */
export async function faultOf(control: Locator): Promise<string> {
  const ids = (await control.getAttribute('aria-describedby')) ?? '';
  const fault = ids.split(' ').find((id) => id.endsWith('-fault')) ?? '';
  return (await control.page().locator(`#${fault}`).textContent()) ?? '';
}

export async function isFocused(locator: Locator): Promise<boolean> {
  return (await locator.and(locator.page().locator(':focus')).count()) > 0;
}
