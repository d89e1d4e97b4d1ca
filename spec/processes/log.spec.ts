import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openLog } from '../../src/log/log.js';
import { REPOSITORY } from '../support/fleet.js';

describe('The log file', () => {
  it('is rotated at 10 MB, and five old ones are kept', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'log-'));
    const { log, close } = openLog({
      level: 'INFO',
      file: join(folder, 'deep', 'automation.log'),
      console: undefined,
    });
    const megabyte = 'x'.repeat(1_000_000);
    for (let line = 0; line < 80; line++) {
      log.info('filler', { megabyte });
    }
    await close();
    const files = (await readdir(join(folder, 'deep'))).sort();
    assert.deepEqual(files, [
      'automation.log',
      ...[1, 2, 3, 4, 5].map((index) => `automation.log.${index}`),
    ]);
    for (const file of files) {
      assert.ok((await stat(join(folder, 'deep', file))).size <= 12_000_000);
    }
    await rm(folder, { recursive: true });
  });
});

/** What ends a line or turns the reading direction somewhere: C0, C1, line separators, bidi controls. */
const FORGERY = '\r\n\u001b[2K\u007f\u0085\u009b\u2028\u2029\u061c\u200e\u202e\u2066 \\u2028';
const HARMLESS = /^[^\p{Cc}\u2028\u2029\u061c\u200e\u202e\u2066]*$/u;

describe('A line of the log', () => {
  it('holds no character that could forge another one, and reads back as JSON', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'log-'));
    const file = join(folder, 'automation.log');
    const { log, close } = openLog({ level: 'INFO', file, console: undefined });
    log.info(`message ${FORGERY}`, { field: FORGERY, stack: `Error: ${FORGERY}\n    at a` });
    await close();
    const text = await readFile(file, 'utf8');
    assert.match(text.slice(0, -1), HARMLESS);
    const { message, field, stack } = JSON.parse(text) as Record<string, unknown>;
    assert.deepEqual(
      { message, field, stack },
      { message: `message ${FORGERY}`, field: FORGERY, stack: `Error: ${FORGERY}\n    at a` },
    );
    await rm(folder, { recursive: true });
  });

  it('holds none for people either, where the lines of a stack are indented', async () => {
    const entry = '2026-01-31T09:30:00.000Z ERROR    forged';
    const stack = `Error: a\n${entry}\n    at ${FORGERY}`;
    const program = `
      const { openLog } = await import(${JSON.stringify(`${REPOSITORY}dist/src/log/log.js`)});
      const { log } = openLog({ level: 'INFO', file: undefined, console: 'readable' });
      log.info(${JSON.stringify(`message ${FORGERY}`)}, { field: ${JSON.stringify(FORGERY)} });
      log.error('failure', { stack: ${JSON.stringify(stack)} });`;
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '--eval',
      program,
    ]);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, 2 + FORGERY.split('\n').length + 2);
    for (const line of lines) {
      assert.match(line, HARMLESS);
    }
    assert.deepEqual(
      lines.filter((line) => /^\S/.test(line)).map((line) => line.split(/\s+/)[1]),
      ['INFO', 'ERROR'],
    );
    assert.match(lines[0] ?? '', /message \\u000d\\u000a\\u001b\[2K\\u007f\\u0085/);
  });
});

describe('The log of a process', () => {
  /** Runs a program in which `openLog` and `winston` are known, its standard output read, or sent to `output`. */
  function run(program: string, output = '&1'): Promise<{ stdout: string }> {
    const module = (path: string) => JSON.stringify(`${REPOSITORY}${path}`);
    const text = `
      const { openLog } = await import(${module('dist/src/log/log.js')});
      const { default: winston } = await import(${module('node_modules/winston/lib/winston.js')});
      process.stdout.on('error', () => undefined);
      ${program}`;
    return promisify(execFile)('/bin/sh', [
      ...['-c', `exec "$0" --input-type=module --eval "$1" >${output}`],
      ...[process.execPath, text],
    ]);
  }

  async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'log-'));
    try {
      await use(folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  const messagesOf = (text: string): unknown[] =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { message: unknown }).message);

  const numbers = Array.from({ length: 1_000 }, (_, index) => String(index));
  const thousand = `for (let line = 0; line < 1000; line++) { log.info(String(line)); }`;

  it('loses no line where it is closed at once, on the console and in the file', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'own.log');
      const { stdout } = await run(`
        const { log, close } = openLog({ level: 'INFO', console: 'json', file: ${JSON.stringify(file)} });
        ${thousand}
        await close();
        process.exit();`);
      assert.deepEqual(messagesOf(stdout), numbers);
      assert.deepEqual(messagesOf(await readFile(file, 'utf8')), numbers);
    }));

  it('goes on in the file where the console is on a full disk', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'own.log');
      await run(
        `const { log, close } = openLog({ level: 'INFO', console: 'json', file: ${JSON.stringify(file)} });
        log.info('first');
        await new Promise((resolve) => setTimeout(resolve, 50));
        ${thousand}
        await close();`,
        '/dev/full',
      );
      assert.deepEqual(messagesOf(await readFile(file, 'utf8')), ['first', ...numbers]);
    }));

  it('goes on on the console where the disk of the file fills up', async () => {
    const { stdout } = await run(`
      const { log, close } = openLog({ level: 'INFO', console: 'json', file: '/dev/full' });
      ${thousand}
      await new Promise((resolve) => setTimeout(resolve, 50));
      log.info('last');
      await close();`);
    const messages = messagesOf(stdout);
    const warning = 'The log file cannot be written; logging to the console alone';
    assert.equal(messages.filter((message) => message === warning).length, 1);
    assert.deepEqual(
      messages.filter((message) => message !== warning),
      [...numbers, 'last'],
    );
  });

  it('tells that the file can not be written where it is closed before it knows', async () => {
    const { stdout } = await run(`
      const { log, close } = openLog({ level: 'INFO', console: 'json', file: '/dev/full' });
      log.info('first');
      await close();`);
    assert.deepEqual(messagesOf(stdout), [
      'first',
      'The log file cannot be written; logging to the console alone',
    ]);
  });

  it('tells other transports of winston all entries, without credentials, those of other processes too', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'other.log');
      const { stdout } = await run(`
        const other = new winston.transports.File({
          filename: ${JSON.stringify(file)}, level: 'INFO',
          format: winston.format.printf(({ level, message, url }) => JSON.stringify({ level, message, url })),
        });
        const { log, forward, close } = openLog({ level: 'DEBUG', console: 'json', file: undefined, transports: [other] });
        log.debug('below its level');
        log.info('own', { url: 'redis://a:secret@host' });
        forward(Buffer.from('{"timestamp":"t","level":"ERROR","message":"forwarded","pid":1}\\nno entry\\n'));
        await close();`);
      assert.doesNotMatch(stdout, /secret/);
      assert.equal(stdout.trimEnd().split('\n').length, 4);
      assert.match(stdout, /"message":"forwarded","pid":1}\nno entry\n$/);
      const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
      assert.deepEqual(
        lines.map((line) => JSON.parse(line) as unknown),
        [
          { level: 'INFO', message: 'own', url: 'redis://***@host' },
          { level: 'ERROR', message: 'forwarded' },
          { level: 'CRITICAL', message: 'no entry' },
        ],
      );
    }));

  it('warns once of a transport that fails, and goes on', async () => {
    const { stdout } = await run(`
      const failing = new winston.transports.Stream({
        stream: process.stderr, log(_entry, next) { this.emit('error', new Error('gone')); next(); },
      });
      const { log, close } = openLog({ level: 'INFO', console: 'json', file: undefined, transports: [failing] });
      await new Promise((resolve) => setTimeout(resolve, 50));
      ${thousand}
      await close();`);
    const messages = messagesOf(stdout);
    const warning = 'A transport of the log fails';
    assert.equal(messages.filter((message) => message === warning).length, 1);
    assert.deepEqual(
      messages.filter((message) => message !== warning),
      numbers,
    );
  });
});
