import type { Browser, Page } from 'playwright-core';

/** In CSS pixels: two columns, and high enough for the queues and the workers. */
const VIEWPORT = { width: 1160, height: 1112 };

/** One task for each thing that a row shows: a result, an error, what is left to do. */
const TASKS: readonly { type: string; values: Record<string, string> }[] = [
  { type: 'approve_batches', values: { batch_ids: 'B-1001\nB-1002\nB-1003' } },
  { type: 'test_task', values: { duration: '0.5', success_rate: '0' } },
  { type: 'test_task', values: { duration: '12', steps: '12' } },
];

/** How long the page may take to show what is waited for. */
const LIMIT_MS = 30_000;

/**
 * A picture (PNG) of the console at `url` with tasks in it: one completed, one failed and one that has
 * done a third of its steps.
 */
export async function pictureOfConsole(browser: Browser, url: string): Promise<Buffer> {
  const page = await browser.newPage({
    viewport: VIEWPORT,
    colorScheme: 'light',
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  page.setDefaultTimeout(LIMIT_MS);
  try {
    await page.goto(url);
    await page.waitForSelector('#content:visible');
    for (const task of TASKS) await assign(page, task);
    await page.locator('.task[data-status="completed"]').waitFor();
    await page.locator('.task[data-status="failed"]').waitFor();
    await page.selectOption('#task-type', 'approve_batches');
    await page.getByLabel('batch_ids', { exact: false }).first().fill('B-1004\nB-1005');
    await page.locator('#workers-rows tr').first().waitFor();
    await page.locator('.progress-text', { hasText: /^4 of 12/ }).waitFor();
    return await page.screenshot({ animations: 'disabled' });
  } finally {
    await page.close();
  }
}

async function assign(
  page: Page,
  { type, values }: { type: string; values: Record<string, string> },
): Promise<void> {
  const before = await page.locator('.task').count();
  await page.selectOption('#task-type', type);
  for (const [label, value] of Object.entries(values)) {
    await page
      .getByLabel(new RegExp(`^${label}\\b`))
      .first()
      .fill(value);
  }
  await page.click('#submit');
  await page.locator('.task').nth(before).waitFor();
}
