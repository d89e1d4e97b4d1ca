import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '../../stack/ports.js';
import { preparePython } from '../../stack/python.js';
import { startProcess, type RunningProcess } from '../../stack/process.js';
import { eventually } from '../support/eventually.js';
import { REPOSITORY } from '../support/fleet.js';

describe('The quickstart', function () {
  this.timeout(120_000);

  async function launch(
    ...flags: string[]
  ): Promise<{ quickstart: RunningProcess; url: string; lines: string[] }> {
    const port = await findFreePort();
    const lines: string[] = [];
    const quickstart = await startProcess({
      name: 'The quickstart',
      command: process.execPath,
      arguments: [`${REPOSITORY}dist/stack/main.js`, ...flags],
      environment: {
        ...process.env,
        REDIS_URL: '',
        FASTAPI_PORT: String(port),
        FLOWER_PORT: String(await findFreePort()),
      },
      folder: REPOSITORY,
      onLine: (line) => lines.push(line),
    });
    return { quickstart, url: `http://127.0.0.1:${port}`, lines };
  }

  it('says which Python a folder needs, where this one is too old for it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'python-'));
    await writeFile(join(folder, 'pyproject.toml'), '[project]\nrequires-python = ">=3.99"\n');
    await assert.rejects(
      preparePython({ folder, environment: process.env, say: () => undefined }),
      /^QuickstartError: python-\S+ needs Python 3\.99 or newer, and this is 3\.\d+\.\d+: PYTHON=/,
    );
    await rm(folder, { recursive: true });
  });

  it('runs a task to its result and, with --once, exits with 0', async () => {
    const { quickstart, url, lines } = await launch('--once');
    assert.deepEqual(await quickstart.exited, { code: 0, signal: null }, lines.join('\n'));
    const text = lines.join('\n');
    assert.match(text, /progress \d of 3/);
    assert.match(text, /"approved": 3,/);
    await assert.rejects(fetch(`${url}/health`));
  });

  it('stays up until it is interrupted, and then stops everything', async () => {
    const { quickstart, url, lines } = await launch();
    try {
      await eventually(
        'the addresses are shown',
        () => (lines.some((line) => line.includes(`${url}/docs`)) ? true : undefined),
        60_000,
      );
      const flower = lines
        .find((line) => /^ +Flower +http/.test(line))
        ?.trim()
        .split(/ +/)[1];
      assert.equal((await fetch(`${url}/health/ready`)).status, 200);
      assert.equal((await fetch(`${flower}/`)).status, 200);
      quickstart.send('SIGINT');
      assert.deepEqual(await quickstart.exited, { code: 0, signal: null });
      await assert.rejects(fetch(`${url}/health`));
      await assert.rejects(fetch(`${flower}/`));
    } finally {
      await quickstart.stop();
    }
  });

  it('says how it is used when it does not understand', async () => {
    const { quickstart, lines } = await launch('--twice');
    assert.equal((await quickstart.exited).code, 2);
    assert.match(lines.join('\n'), /Usage: npm run quickstart/);
  });
});
