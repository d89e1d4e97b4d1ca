import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startProcess } from '../../stack/process.js';
import { openBrowser, withPage } from '../support/browser.js';
import { assign, ended, fill, resultOf } from '../support/console.js';
import { openWorkspace } from '../support/documents/workspace.js';
import { eventually } from '../support/eventually.js';
import { exampleFolder, startWorkerOf } from '../support/exampleApp.js';
import { theFleet } from '../support/fleet.js';
import { databaseUrl } from '../support/taskFleet.js';

const run = promisify(execFile);

/** Of the app's worker. */
const DATABASE = 13;

/** In bytes. */
const LARGEST = 5_000_000;

/** The files of the package, but for those that npm adds: the manifest, LICENSE and README.md. */
const FILES =
  /^package\/(dist\/(service|pages)\/|dist\/(contract|tasks)\.json$|openapi\.yaml$|\.env\.template$|docs\/licences\.md$)/;
const OF_NPM = /^package\/(package\.json|LICENSE|README\.md)$/;

describe('The package that npm pack makes', function () {
  this.timeout(240_000);
  let folder: string;
  let tarball: string;
  let environment: NodeJS.ProcessEnv;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'package-'));
    const workspace = await openWorkspace();
    try {
      const options = { cwd: workspace.folder, maxBuffer: 16 * 1024 * 1024 };
      await run('npm', ['pack', '--pack-destination', folder], options);
      // What it takes out of the manifest is back in its place.
      const { stdout } = await run('npm', ['pkg', 'get', 'scripts.test'], options);
      assert.match(stdout, /mocha/);
    } finally {
      await workspace.remove();
    }
    tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz')) ?? '';
    // Nothing has to be downloaded, and nothing of it stays on this machine.
    environment = {
      PATH: process.env.PATH,
      HOME: folder,
      npm_config_cache: join(folder, 'cache'),
      npm_config_offline: 'true',
      npm_config_update_notifier: 'false',
    };
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const npx = async (
    ...flags: string[]
  ): Promise<{ code: number; stdout: string; stderr: string }> => {
    const options = { cwd: folder, env: environment };
    try {
      return { code: 0, ...(await run('npx', ['--yes', `./${tarball}`, ...flags], options)) };
    } catch (error) {
      return error as { code: number; stdout: string; stderr: string };
    }
  };

  it('holds what runs and nothing else', async () => {
    const { stdout } = await run('tar', ['-tzf', tarball], { cwd: folder });
    const names = stdout.trim().split('\n');
    assert.deepEqual(
      names.filter((name) => !FILES.test(name) && !OF_NPM.test(name)),
      [],
    );
    for (const name of ['dist/service/main.js', 'dist/service/LICENSES.txt', '.env.template']) {
      assert.ok(names.includes(`package/${name}`), name);
    }
    assert.ok((await stat(join(folder, tarball))).size < LARGEST);
    const manifest = await run('tar', ['-xzOf', tarball, 'package/package.json'], { cwd: folder });
    const { scripts, dependencies } = JSON.parse(manifest.stdout) as Record<string, unknown>;
    assert.deepEqual([scripts, dependencies], [undefined, undefined]);
  });

  it('says its version, and its flags with what they mean', async () => {
    assert.match((await npx('--version')).stdout, /^\d+\.\d+\.\d+\n$/);
    const { code, stdout } = await npx('--help');
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: celery-orchestrator \[FLAGS\]\n/);
    assert.match(stdout, /\n {2}--task-queue\n {6}\S.*default: worker_queue/);
  });

  it('refuses flags that there are not, and values that can’t be used', async () => {
    const unknown = await npx('--redi', 'redis://127.0.0.1');
    assert.equal(unknown.code, 1);
    assert.equal(
      unknown.stderr,
      "The configuration can't be used:\n  Unknown option '--redi': see --help\n",
    );
    const command = await npx('docter');
    assert.match(command.stderr, /\n {2}docter is neither a flag nor doctor: see --help\n$/);
    const value = await npx('--port', 'x');
    assert.match(value.stderr, /\n {2}FASTAPI_PORT must be a whole number .*"x"/);
    const missing = await npx('--port');
    assert.match(missing.stderr, /\n {2}Option '--port <value>' argument missing: see --help\n$/);
  });

  /** Starts the service in a folder beside the tarball, by one command. */
  const withService = async (
    inFolder: string,
    flags: readonly string[],
    use: (url: string) => Promise<void>,
  ): Promise<void> => {
    let port: string | undefined;
    const service = await startProcess({
      name: 'The service',
      command: 'npx',
      arguments: ['--yes', `../${tarball}`, ...flags, '--host', '127.0.0.1', '--port', '0'],
      environment,
      folder: inFolder,
      onLine: (line) => {
        port ??= /"message":"Listening".*"port":(\d+)/.exec(line)?.[1];
      },
    });
    try {
      await eventually('the service listens', () => port);
      await use(`http://127.0.0.1:${port}`);
    } finally {
      await service.stop();
    }
  };

  it('starts the service in an empty folder, in which it leaves nothing', async () => {
    const empty = await mkdtemp(join(folder, 'empty-'));
    const flags = ['--redis', theFleet().redis.url, '--task-namespaces', '*'];
    await withService(empty, flags, async (url) => {
      for (const path of ['/health/ready', '/docs', '/redoc', '/console', '/openapi.yaml']) {
        assert.equal((await fetch(`${url}${path}`)).status, 200, path);
      }
      const response = await fetch(`${url}/assign-task/?dry_run=true`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"task_type":"proj.billing.tasks.invoice","args":[7]}',
      });
      const { headers } = (await response.json()) as { headers: { task: string } };
      assert.equal(headers.task, 'proj.billing.tasks.invoice');
    });
    assert.deepEqual(await readdir(empty), []);
  });

  it('is in front of an app that it has never seen within a minute, by form and by curl', async function () {
    const browser = await openBrowser(this);
    const started = performance.now();
    const own = await mkdtemp(join(folder, 'orders-'));
    await copyFile(join(exampleFolder('plainSignatures'), 'orders.py'), join(own, 'orders.py'));
    const redisUrl = databaseUrl(DATABASE);
    const worker = await startWorkerOf(own, 'orders', redisUrl);
    const flags = ['--redis', redisUrl, '--task-namespaces', '*', '--task-queue', 'celery'];
    try {
      await withService(own, [...flags, '--task-params-as', 'kwargs'], async (url) => {
        const listed = await curl(`${url}/tasks`);
        const { tasks } = listed as { tasks: { task_type: string }[] };
        const types = ['add', 'greet', 'name_of', 'ping', 'power'].map((name) => `orders.${name}`);
        assert.deepEqual(
          tasks.map(({ task_type }) => task_type),
          types,
        );

        await withPage(browser, `${url}/console`, async (page) => {
          await fill(page, 'orders.greet', { params: '{"name": "Ada"}' });
          const offered = await page.locator('#task-type option').allInnerTexts();
          assert.deepEqual(
            types.filter((type) => !offered.includes(type)),
            [],
          );
          const greeted = await assign(page);
          assert.equal(await ended(greeted), 'completed');
          assert.equal(await resultOf(greeted), '"Hello, Ada"');

          await fill(page, 'orders.add', {});
          await page.getByLabel('Call with args and kwargs').check();
          await page.getByLabel('args', { exact: true }).fill('[1, 2]');
          const added = await assign(page);
          assert.equal(await ended(added), 'completed');
          assert.equal(await resultOf(added), '3');
        });

        const requests: [body: string, result: unknown][] = [
          ['{"task_type":"orders.power","params":{"base":3}}', 9],
          ['{"task_type":"orders.power","args":[3],"kwargs":{"exponent":3}}', 27],
          ['{"task_type":"orders.name_of"}', 'orders.name_of'],
          ['{"task_type":"orders.ping"}', 'pong'],
        ];
        for (const [body, expected] of requests) {
          const json = ['--header', 'content-type: application/json', '--data', body];
          const { task_id } = await curl(`${url}/assign-task`, ...json);
          const { result } = await curl(`${url}/result/${String(task_id)}?wait=20`);
          assert.deepEqual(result, expected, body);
        }
      });
    } finally {
      await worker.stop();
      await browser.close();
    }
    const seconds = (performance.now() - started) / 1_000;
    console.log(`    From the app's file to its last result: ${seconds.toFixed(1)} s`);
    assert.ok(seconds < 60, `${seconds} s`);
    assert.deepEqual(await readdir(own), ['orders.py']);
  });
});

/** What curl, as it comes, is answered. */
async function curl(...values: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run('curl', ['--silent', '--show-error', '--fail-with-body', ...values]);
  return JSON.parse(stdout) as Record<string, unknown>;
}
