import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Browser, Page as BrowserPage } from 'playwright-core';
import { readOptions } from '../bench/options.js';
import { findFreePort } from '../quickstart/ports.js';
import { runCommand } from '../quickstart/process.js';
import { openBrowser } from './support/browser.js';
import { commandsOf, withoutComment, type Command } from './support/documents/commands.js';
import { readPages, type Block } from './support/documents/markdown.js';
import { difference, parseExample, type Meanings } from './support/documents/shape.js';
import { openShell, type Shell, type Started } from './support/documents/shell.js';
import { openWorkspace, type Workspace } from './support/documents/workspace.js';
import { eventually } from './support/eventually.js';
import { REPOSITORY } from './support/fleet.js';

/** The quickstart that a reader of README.md has running while he tries the rest. */
const QUICKSTART = /\bnpm run quickstart$/;

/** What stays up until Ctrl-C, and what it shows when it is up. */
const STAYS_UP: readonly [command: RegExp, ready: RegExp][] = [
  [/^npm start$/, /Listening|listening/],
  [/^celery -A worker worker\b/, /@\S+ ready\./],
  [/^celery -A worker flower$/, /Connected to redis/],
];

/** Commands that are not run here as they stand: why, and what runs them, or holds them, instead. */
const ELSEWHERE: readonly {
  command: RegExp;
  because: string;
  /** A text that stands in a file of the repository, or what is looked at here. */
  instead: { file: string; has: RegExp } | ((command: string) => void);
}[] = [
  {
    command: /^npm (ci|cit)$/,
    because: 'it would install what runs this spec anew',
    instead: { file: '.ci/run', has: /^tests .* npm cit$/m },
  },
  {
    command: /^npm test( -- -g \w+)?$/,
    because: 'this spec is a part of it',
    instead: { file: '.ci/run', has: /^tests .* npm cit$/m },
  },
  ...(
    [
      ['npm run test:faults', 'it takes minutes'],
      ['npm run check', 'it takes long'],
      ['npm run test:workers', 'it takes long'],
      ['npm run check:workers', 'it takes long'],
      ['npm run check:peer', 'it needs the Python environment that the bench makes'],
      ['npm run bench:guard', 'it needs the machine for itself'],
    ] as const
  ).map(([command, because]) => ({
    command: new RegExp(`^${command}$`),
    because,
    instead: { file: '.ci/run', has: new RegExp(`^(check|tests .*) ${command}$`, 'm') },
  })),
  {
    command: /^\.ci\/run$/,
    because: 'it runs this spec',
    instead: { file: '.ci/run', has: /^tests .* npm cit$/m },
  },
  {
    command: /^npm run bench\b/,
    because: 'it takes minutes, and the machine for itself; spec/bench.spec.ts makes tiny runs',
    instead: (command) => {
      readOptions(command.split(' ').slice(4));
    },
  },
  {
    command: /^npm run pictures$/,
    because: 'it starts all once more',
    instead: { file: 'spec/pictures.spec.ts', has: /dist\/pictures\/main\.js/ },
  },
  {
    command: /^python -m pytest$/,
    because: 'it takes long',
    instead: { file: 'package.json', has: /"test:workers": ".*python -m pytest"/ },
  },
  {
    command: /^(mypy|ruff check && ruff format --check)$/,
    because: 'it takes long',
    instead: {
      file: 'package.json',
      has: /"check:workers": ".*\/mypy && .*\/ruff check && .*\/ruff format --check"/,
    },
  },
  {
    command: /^docker(-compose)? /,
    because: 'the images come from a registry, and a machine may have no Docker',
    instead: { file: 'docker-compose.yml', has: /^ {2}orchestrator:$/m },
  },
];

/** How long a command may take. */
const LIMIT_MS = 60_000;

const pages = readPages().filter(({ path }) => path !== 'CHANGELOG.md');
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
        const elsewhere = ELSEWHERE.find((it) => it.command.test(text));
        if (elsewhere !== undefined) {
          hold(elsewhere.instead, text);
        } else if (!QUICKSTART.test(text)) {
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

describe('What is run elsewhere', () => {
  const texts = shellBlocks.flatMap(({ commands }) =>
    commands.map((it) => withoutComment(it.text)),
  );
  for (const { command, because } of ELSEWHERE) {
    it(`is shown somewhere: ${String(command)}, as ${because}`, () => {
      assert.ok(texts.some((text) => command.test(text)));
    });
  }
});

interface Addresses {
  service: string;
  flower: string;
  redis: string;
}

/** As the quickstart shows them. */
function addressesIn(output: string): Addresses {
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
async function environmentOf(): Promise<NodeJS.ProcessEnv> {
  return {
    ...process.env,
    FASTAPI_PORT: String(await findFreePort()),
    FLOWER_PORT: String(await findFreePort()),
    REDIS_URL: '',
  };
}

/** The text with this quickstart's addresses and ids in the place of those shown. */
function inPlace(text: string, addresses: Addresses, meanings: Meanings): string {
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

async function execute(shell: Shell, command: Command, meanings: Meanings): Promise<void> {
  const { text, example } = command;
  const ready = STAYS_UP.find(([pattern]) => pattern.test(text))?.[1];
  if (ready !== undefined) {
    await (await shell.start(text, ready, LIMIT_MS)).stop();
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

function hold(instead: (typeof ELSEWHERE)[number]['instead'], command: string): void {
  if (typeof instead === 'function') {
    instead(command);
  } else {
    assert.match(readFileSync(join(REPOSITORY, instead.file), 'utf8'), instead.has);
  }
}

/** Runs a script in the page, which has a function `show`, and waits until it was shown each end. */
async function showsEveryEnd(page: BrowserPage, script: string): Promise<void> {
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
