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
