import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { findFreePort } from '../../../stack/ports.js';
import { eventually } from '../eventually.js';
import type { Command } from './commands.js';
import { difference, parseExample, type Meanings } from './shape.js';
import type { Shell } from './shell.js';

/** The command that stays up until Ctrl-C, and what it shows when it is up. */
const STAYS_UP = { command: /^npm start$/, ready: /Listening|listening/ };

/** How long a command may take. */
const LIMIT_MS = 60_000;

/** Of a quickstart that runs. */
export interface Addresses {
  service: string;
  flower: string;
  redis: string;
}

/** As the quickstart shows them. */
export function addressesIn(output: string): Addresses {
  const address = (pattern: RegExp): string => {
    const found = pattern.exec(output)?.[1];
    assert.ok(found !== undefined, `${String(pattern)} is not in:\n${output}`);
    return found;
  };
  return {
    service: address(/^ +API +(\S+)$/m),
    flower: address(/^ +Flower +(\S+)$/m),
    redis: address(/Redis at (redis:\S+)/),
  };
}

/** Ports that nobody else has, in the place of those that the documents show. */
export async function environmentOf(): Promise<NodeJS.ProcessEnv> {
  return {
    ...process.env,
    FASTAPI_PORT: String(await findFreePort()),
    FLOWER_PORT: String(await findFreePort()),
    REDIS_URL: '',
  };
}

/** The text with this quickstart's addresses and ids in the place of those shown. */
export function inPlace(text: string, addresses: Addresses, meanings: Meanings): string {
  let own = text
    .replaceAll(/http:\/\/(127\.0\.0\.1|localhost):8000/g, addresses.service)
    .replaceAll(/http:\/\/(127\.0\.0\.1|localhost):5555/g, addresses.flower)
    .replaceAll(/redis:\/\/(127\.0\.0\.1|localhost):6379\/0/g, addresses.redis);
  for (const [shown, meant] of meanings) {
    if (/^[\da-f]{4,}…$/.test(shown)) own = own.replaceAll(shown, meant);
  }
  // Any other server that is shown would be a stranger's.
  assert.doesNotMatch(own, /…|:(8000|5555|6379)\b/);
  return own;
}

/** Runs a command in a shell, and holds what it gives against its example. */
export async function execute(shell: Shell, command: Command, meanings: Meanings): Promise<void> {
  const { text, example } = command;
  if (STAYS_UP.command.test(text)) {
    await (await shell.start(text, STAYS_UP.ready, LIMIT_MS)).stop();
    return;
  }
  const run = async (): Promise<string> => {
    const { status, output } = await shell.run(text.replace(/^curl /, 'curl -sS '), LIMIT_MS);
    assert.equal(status, 0, `${text}\n${output}`);
    return output;
  };
  if (example === undefined) {
    const output = await run();
    assert.ok(!text.startsWith('curl ') || !output.includes('"status":"error"'), output);
    return;
  }
  const shown = parseExample(example);
  const look = async (): Promise<string | undefined> =>
    difference(shown, JSON.parse(await run()), meanings);
  // Who asks how a task stands asks again; what is done is done once.
  const changes = / (-X|-d|--data\S*|--request) /.test(text);
  let found = await look();
  if (found !== undefined && !changes) {
    await eventually(`${text}\n${example}`, async () => {
      found = await look();
      return found === undefined ? true : undefined;
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${found ?? ''}`);
    });
  }
  assert.equal(found, undefined, `${text}\n${example}`);
}

/** Runs a script in the page, which has a function `show`, and waits until it was shown each end. */
export async function showsEveryEnd(page: Page, script: string): Promise<void> {
  const ends = script.split('show(').length - 1;
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.evaluate(`(async () => {
    globalThis.shown = [];
    const show = (task) => shown.push(task.status);
    ${script}
  })()`);
  await eventually('every end is shown', async () => {
    const shown = await page.evaluate<string[]>('shown');
    return shown.filter((status) => status === 'completed').length === ends ? true : undefined;
  });
  assert.deepEqual(errors, []);
}
