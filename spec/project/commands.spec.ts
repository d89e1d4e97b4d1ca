import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import type { Browser } from 'playwright-core';
import { runCommand } from '../../stack/process.js';
import { openBrowser } from '../support/browser.js';
import { commandsOf, withoutComment } from '../support/documents/commands.js';
import {
  addressesIn,
  environmentOf,
  execute,
  inPlace,
  showsEveryEnd,
  type Addresses,
} from '../support/documents/execution.js';
import { readPages, type Block } from '../support/documents/markdown.js';
import type { Meanings } from '../support/documents/shape.js';
import { openShell, type Shell, type Started } from '../support/documents/shell.js';
import { openWorkspace, type Workspace } from '../support/documents/workspace.js';

/** The quickstart that a reader of README.md has running while trying the rest. */
const QUICKSTART = /\bnpm run quickstart$/;

/** Commands that are not run: `npm cit` runs this spec, and a machine may have no Docker. */
const NOT_RUN = /^(npm cit$|(WORKER_REPLICAS=\d+ )?docker(-compose)? )/;

const pages = readPages().filter(({ path }) => ['README.md', 'docs/api.md'].includes(path));
const blocksOf = (language: string): Block[] =>
  pages.flatMap(({ blocks }) => blocks.filter((block) => block.language === language));
const shellBlocks = blocksOf('sh').map((block) => ({ block, commands: commandsOf(block) }));

describe('The commands of the documents', function () {
  this.timeout(180_000);
  let workspace: Workspace | undefined;
  let terminal: Shell | undefined;
  let quickstart: Started | undefined;
  let addresses: Addresses;
  const shells = new Map<string, { shell: Shell; meanings: Meanings }>();

  before(async () => {
    const command = shellBlocks
      .filter(({ block }) => block.page === 'README.md')
      .flatMap(({ commands }) => commands.map(({ text }) => withoutComment(text)))
      .find((text) => QUICKSTART.test(text));
    assert.ok(command !== undefined, 'README.md shows no quickstart');
    workspace = await openWorkspace();
    terminal = await openShell(workspace.folder, await environmentOf());
    // `npm ci` is what the workspace has behind it.
    const started = command.replace(/^npm ci && /, '');
    quickstart = await terminal.start(started, /Press Ctrl-C/, 150_000);
    addresses = addressesIn(await quickstart.output());
  });
  after(async () => {
    for (const { shell } of shells.values()) await shell.close();
    await terminal?.close();
    await workspace?.remove();
  });

  const shellOf = async (page: string): Promise<{ shell: Shell; meanings: Meanings }> => {
    const folder = dirname(page) === 'docs' ? '' : dirname(page);
    const opened = shells.get(page) ?? {
      shell: await openShell(join(workspace?.folder ?? '', folder), {
        ...(await environmentOf()),
        REDIS_URL: addresses.redis,
      }),
      meanings: new Map<string, string>(),
    };
    shells.set(page, opened);
    return opened;
  };

  for (const { block, commands } of shellBlocks) {
    it(`work: ${block.page}:${block.line}`, async () => {
      const { shell, meanings } = await shellOf(block.page);
      for (const command of commands) {
        const text = withoutComment(command.text);
        if (!NOT_RUN.test(text) && !QUICKSTART.test(text)) {
          await execute(shell, { ...command, text: inPlace(text, addresses, meanings) }, meanings);
        }
      }
    });
  }

  for (const { page, line, text } of blocksOf('python').filter((it) =>
    /^(from|import) /m.test(it.text),
  )) {
    it(`work: ${page}:${line}, in Python`, async () => {
      const python = join(workspace?.folder ?? '', 'workers-py', '.venv', 'bin', 'python');
      const { code, output } = await runCommand({
        name: 'Python',
        command: python,
        arguments: ['-c', inPlace(text, addresses, new Map())],
        environment: process.env,
        folder: join(workspace?.folder ?? '', dirname(page)),
      });
      assert.equal(code, 0, output.join('\n'));
    });
  }

  describe('in a page', () => {
    let browser: Browser;
    before(async function () {
      browser = await openBrowser(this);
    });
    after(() => (browser as Browser | undefined)?.close());

    // What imports something is no script of a page; spec/documents.spec.ts reads it at least.
    for (const block of blocksOf('js').filter(({ text }) => !/^import /m.test(text))) {
      it(`work: ${block.page}:${block.line}`, async () => {
        const page = await browser.newPage();
        await page.goto(`${addresses.service}/health`);
        await showsEveryEnd(page, block.text);
        await page.close();
      });
    }
  });

  describe('at the end', () => {
    it('ends by Ctrl-C', async () => {
      await quickstart?.stop();
      await assert.rejects(fetch(`${addresses.service}/health`));
    });
  });
});
