import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startProcess } from '../../stack/process.js';
import { openWorkspace } from '../support/documents/workspace.js';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';

const run = promisify(execFile);

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

  it('starts the service in an empty folder, in which it leaves nothing', async () => {
    const empty = await mkdtemp(join(folder, 'empty-'));
    const lines: Record<string, unknown>[] = [];
    const flags = ['--redis', theFleet().redis.url, '--host', '127.0.0.1', '--port', '0'];
    const service = await startProcess({
      name: 'The service',
      command: 'npx',
      arguments: ['--yes', `../${tarball}`, ...flags, '--task-namespaces', '*'],
      environment,
      folder: empty,
      onLine: (line) => {
        if (line.startsWith('{')) {
          lines.push(JSON.parse(line) as Record<string, unknown>);
        }
      },
    });
    try {
      const port = await eventually('the service listens', () => {
        const line = lines.find(({ message }) => message === 'Listening');
        return line?.port as number | undefined;
      });
      const url = `http://127.0.0.1:${port}`;
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
    } finally {
      await service.stop();
    }
    assert.deepEqual(await readdir(empty), []);
  });
});
