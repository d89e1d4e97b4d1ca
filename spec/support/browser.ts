import assert from 'node:assert/strict';
import { accessSync, constants } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { Context } from 'mocha';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

/** Opens a headless Chromium, or skips where there is none on the PATH. */
export async function openBrowser(context: Context): Promise<Browser> {
  const browser = await launchChromium();
  if (browser === undefined) {
    console.log(`    Skipped: ${NO_CHROMIUM}`);
    context.skip();
  }
  return browser;
}

export const NO_CHROMIUM = 'no Chromium on the PATH (Debian: apt-get install chromium)';

/** Opens a headless Chromium; undefined where there is none on the PATH. */
export async function launchChromium(): Promise<Browser | undefined> {
  const executablePath = findChromium();
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];
  return executablePath === undefined ? undefined : chromium.launch({ executablePath, args });
}

/** Opens a page that reaches its own origin only, and demands that it wanted no more and had no error but the expected. */
export async function withPage(
  browser: Browser,
  url: string,
  use: (page: Page) => Promise<void>,
  options: { page?: BrowserContextOptions; expectedErrors?: RegExp } = {},
): Promise<void> {
  const page = await browser.newPage(options.page);
  const outside: string[] = [];
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !options.expectedErrors?.test(message.text())) {
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
export async function startProxy(target: string, prefix: string): Promise<Server> {
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

function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? '').split(':');
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  return folders
    .flatMap((folder) => names.map((name) => `${folder}/${name}`))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
