import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseKey } from '../../stack/apiKey.js';
import { findFreePort } from '../../stack/ports.js';
import { preparePython } from '../../stack/python.js';
import { startProcess, type RunningProcess } from '../../stack/process.js';
import { eventually } from '../support/eventually.js';
import { REPOSITORY } from '../support/fleet.js';

const KEY = 'a-key-of-the-spec-0123';

describe('The quickstart', function () {
  this.timeout(120_000);

  async function launch(
    flags: readonly string[] = [],
    environment: NodeJS.ProcessEnv = {},
    main = `${REPOSITORY}dist/stack/main.js`,
  ): Promise<{ quickstart: RunningProcess; url: string; lines: string[] }> {
    const port = await findFreePort();
    const lines: string[] = [];
    const quickstart = await startProcess({
      name: 'The quickstart',
      command: process.execPath,
      arguments: [main, ...flags],
      environment: {
        ...process.env,
        REDIS_URL: '',
        FASTAPI_PORT: String(port),
        FLOWER_PORT: String(await findFreePort()),
        ...environment,
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
    const { quickstart, url, lines } = await launch(['--once']);
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

  it('brings a key of its own where API_KEYS are set, in .env too', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'project-'));
    try {
      for (const name of ['dist', 'openapi.yaml', 'package.json']) {
        await cp(`${REPOSITORY}${name}`, join(folder, name), { recursive: true });
      }
      for (const name of ['node_modules', 'workers-py']) {
        await symlink(`${REPOSITORY}${name}`, join(folder, name));
      }
      await writeFile(
        join(folder, '.env'),
        `\ufeffAPI_KEYS=frontend=${KEY}\r\nCELERY_BROKER_GLOBAL_KEYPREFIX=theirs:\r\n`,
      );
      const { quickstart, url, lines } = await launch([], {}, join(folder, 'dist/stack/main.js'));
      try {
        await eventually(
          'the addresses are shown',
          () => (lines.some((line) => line.includes(`${url}/docs`)) ? true : undefined),
          100_000,
        );
        assert.match(lines.join('\n'), /result\/TASK_ID -H 'x-api-key: KEY'/);
        const statusOf = async (headers: Record<string, string>): Promise<number> =>
          (await fetch(`${url}/result/a`, { headers })).status;
        assert.deepEqual([await statusOf({}), await statusOf({ 'x-api-key': KEY })], [401, 200]);
      } finally {
        await quickstart.stop();
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('needs no key where there are none, and adds its own to those of the environment', () => {
    assert.deepEqual(chooseKey({ API_KEYS: ' ' }, '/nowhere'), { variables: {}, headers: {} });
    const { variables, headers } = chooseKey({ API_KEYS: `a=${KEY}` }, '/nowhere');
    assert.equal(variables.API_KEYS, `a=${KEY},this-quickstart=${String(headers['x-api-key'])}`);
    const { variables: own } = chooseKey({ API_KEYS_FILE: '/keys' }, '/nowhere');
    assert.match(String(own.API_KEYS), /^this-quickstart=\w{48}$/);
  });

  for (const script of ['quickstart', 'start', 'build', 'test']) {
    it(`in one sentence asks for npm ci, where npm run ${script} finds no packages`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'clone-'));
      try {
        for (const name of ['package.json', 'checkInstalled.js', 'build.js']) {
          await cp(`${REPOSITORY}${name}`, join(folder, name));
        }
        const lines: string[] = [];
        const npm = await startProcess({
          name: 'npm',
          command: 'npm',
          arguments: ['run', script],
          environment: process.env,
          folder,
          onLine: (line) => lines.push(line),
        });
        assert.equal((await npm.exited).code, 1);
        const told = lines.filter((line) => line !== '' && !/^(>|npm )/.test(line));
        assert.equal(told.length, 1, told.join('\n'));
        assert.match(
          told[0] ?? '',
          /^Not installed yet: npm ci brings \S+ and the other packages$/,
        );
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  }

  it('says how it is used when it does not understand', async () => {
    const { quickstart, lines } = await launch(['--twice']);
    assert.equal((await quickstart.exited).code, 2);
    assert.match(lines.join('\n'), /Usage: npm run quickstart/);
  });
});
