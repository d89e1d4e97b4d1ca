import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess } from '../../stack/process.js';
import { startRedis } from '../../stack/redis.js';
import { SERVICE_PROGRAM } from '../../stack/service.js';
import { eventually } from '../support/eventually.js';
import { ask } from '../support/faults/http.js';
import { REPOSITORY, theFleet } from '../support/fleet.js';
import {
  launchService,
  startServiceProcess,
  type ServiceProcess,
} from '../support/serviceProcess.js';
import {
  askOften,
  fileOf,
  preload,
  TWO,
  untilNewWorker,
  withUnguarded,
  workersOf,
} from '../support/workers.js';

/** The processes of workers that the requests so far were answered by. */
function answeredBy({ lines }: Pick<ServiceProcess, 'lines'>): Set<unknown> {
  return new Set(
    lines()
      .filter(({ message }) => message === 'request')
      .map(({ pid }) => pid),
  );
}

/** Waits until the log has `count` requests. */
async function untilLogged({ lines }: ServiceProcess, count: number): Promise<void> {
  await eventually(`${count} requests are logged`, () =>
    lines().filter(({ message }) => message === 'request').length >= count ? true : undefined,
  );
}

describe('WEB_CONCURRENCY', function () {
  this.timeout(60_000);

  it('starts nothing for one process, whose lines are as ever', async () => {
    const service = await startServiceProcess({ WEB_CONCURRENCY: '1' });
    try {
      assert.deepEqual(await workersOf(service), []);
      await askOften(service.url, 1);
      await untilLogged(service, 1);
      for (const line of service.lines()) {
        assert.equal(line.pid, undefined);
        assert.equal(line.processes, undefined);
      }
    } finally {
      await service.close();
    }
  });

  it('starts so many processes, which answer on one port in turn and log to one file', async () => {
    const service = await startServiceProcess({ WEB_CONCURRENCY: '3' });
    try {
      const workers = await workersOf(service);
      assert.equal(workers.length, 3);
      await askOften(service.url, 30);
      await untilLogged(service, 30);
      assert.deepEqual([...answeredBy(service)].sort(), [...workers].sort());
      service.process.send('SIGTERM');
      assert.deepEqual(await service.process.exited, { code: 0, signal: null });

      const listening = service.lines().filter(({ message }) => message === 'Listening');
      assert.deepEqual(
        listening.map(({ host, port, processes }) => ({ host, port, processes })),
        [{ host: '127.0.0.1', port: Number(new URL(service.url).port), processes: 3 }],
      );
      assert.equal(service.lines().at(-1)?.message, 'Stopped');
      assert.deepEqual(await fileOf(service), service.lines());
      assert.deepEqual(
        service.process.output().filter((line) => !line.startsWith('{')),
        [],
      );
    } finally {
      await service.close();
    }
  });

  it('gives each process its share of what may be in flight, and what the primary has read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keys-'));
    const keys = join(folder, 'keys');
    await writeFile(keys, 'ours=our-secret-0123456789');
    const redis = await startRedis({ environment: process.env, python: theFleet().python.python });
    const service = await startServiceProcess({
      ...TWO,
      REDIS_URL: redis.url,
      MAX_REQUESTS_IN_FLIGHT: '5',
      RESULT_TIMEOUT_MS: '8000',
      API_KEYS_FILE: keys,
    });
    try {
      await rm(folder, { recursive: true });
      const workers = await workersOf(service);
      process.kill(workers[0] ?? 0, 'SIGKILL');
      await untilNewWorker(service, workers);
      redis.pause();
      const headers = { 'x-api-key': 'our-secret-0123456789' };
      const answers = Array.from({ length: 10 }, (_, index) =>
        ask({ url: `${service.url}/result/${index}`, headers }),
      );
      await eventually('what is beyond is refused', () =>
        service.lines().filter(({ status }) => status === 503).length === 6 ? true : undefined,
      );
      redis.resume();
      const statuses = (await Promise.all(answers)).map(({ status }) => status).sort();
      assert.deepEqual(statuses, [200, 200, 200, 200, 503, 503, 503, 503, 503, 503]);
    } finally {
      redis.resume();
      await service.close();
      await redis.stop();
    }
  });

  it('logs for people on a terminal, the lines of all processes alike', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'terminal-'));
    const lines: string[] = [];
    const terminal = await startProcess({
      name: 'The service on a terminal',
      command: theFleet().python.python,
      arguments: [
        ...['-c', 'import pty, sys; pty.spawn(sys.argv[1:])'],
        ...[process.execPath, join(REPOSITORY, SERVICE_PROGRAM)],
      ],
      environment: {
        ...{ PATH: process.env.PATH, REDIS_URL: theFleet().redis.url },
        ...{ FASTAPI_HOST: '127.0.0.1', FASTAPI_PORT: '0', LOG_FILE: join(folder, 'own.log') },
        ...TWO,
      },
      folder,
      onLine: (line) => lines.push(line.trimEnd()),
    });
    try {
      const port = await eventually('it listens', () =>
        lines.map((line) => /INFO {5}Listening .*port=(\d+)/.exec(line)?.[1]).find(Boolean),
      );
      await askOften(`http://127.0.0.1:${port}`, 4);
      const requests = await eventually('four requests are logged', () => {
        const found = lines.filter((line) => line.includes(' INFO     request '));
        return found.length === 4 ? found : undefined;
      });
      for (const line of requests) {
        assert.match(
          line,
          /^\d{4}-\S+Z INFO {5}request .*status=200.* pid=\d+|pid=\d+.* status=200/,
        );
      }
      assert.deepEqual(
        lines.filter((line) => !/^\d{4}-\S+Z [A-Z]+ +\S/.test(line)),
        [],
      );
    } finally {
      await terminal.stop();
      await rm(folder, { recursive: true });
    }
  });

  describe('at its start', () => {
    it('says once what is wrong with the configuration, and starts nothing', async () => {
      const service = await launchService({ WEB_CONCURRENCY: '0', LOG_LEVEL: 'loud' });
      assert.equal((await service.process.exited).code, 1);
      assert.deepEqual(service.process.output(), [
        "The configuration can't be used:",
        '  LOG_LEVEL must be one of CRITICAL, ERROR, WARNING, INFO, DEBUG (received: "loud")',
        '  WEB_CONCURRENCY must be a whole number from 1 to 64 (received: "0")',
      ]);
      await service.close();
    });

    it('says once that its port is taken', async () => {
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const { port } = other.address() as { port: number };
      const service = await launchService({ WEB_CONCURRENCY: '4', FASTAPI_PORT: String(port) });
      assert.deepEqual(await service.process.exited, { code: 1, signal: null });
      assert.deepEqual(
        service.process.output().filter((line) => !line.startsWith('{')),
        [
          `bind EADDRINUSE 127.0.0.1:${port}`,
          'Stop what uses this port, or choose another with FASTAPI_PORT.',
        ],
      );
      await service.close();
      other.close();
    });

    it('says once that the contract and the operations differ', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'other-contract-'));
      await cp(`${REPOSITORY}dist`, join(folder, 'dist'), { recursive: true });
      await symlink(`${REPOSITORY}node_modules`, join(folder, 'node_modules'));
      await writeFile(join(folder, 'package.json'), '{"type":"module"}');
      const contract = await readFile(`${REPOSITORY}openapi.yaml`, 'utf8');
      await writeFile(
        join(folder, 'openapi.yaml'),
        contract.replace('operationId: getLiveness', 'operationId: getAliveness'),
      );
      const service = await launchService(TWO, { program: join(folder, SERVICE_PROGRAM) });
      assert.equal((await service.process.exited).code, 1);
      assert.equal(
        service.process
          .output()
          .join('\n')
          .match(/without a function/g)?.length,
        1,
      );
      await service.close();
      await rm(folder, { recursive: true });
    });

    it('ends when one process dies before it listens', async () => {
      const service = await launchService({
        ...TWO,
        NODE_OPTIONS: preload(
          `process.argv.includes('--worker') && process.kill(process.pid, 'SIGKILL')`,
        ),
      });
      assert.equal((await service.process.exited).code, 1);
      const output = service.process.output().join('\n');
      assert.equal(output.match(/before it listened/g)?.length, 1);
      assert.match(
        output,
        /^The process \d+ has ended \(SIGKILL\) before it listened: see the log\.$/m,
      );
      await service.close();
    });

    it('heeds a signal', async () => {
      const service = await launchService({ ...TWO, REDIS_URL: 'redis://127.0.0.1:1/0' });
      await eventually('it looks for Redis', () =>
        service.lines().find(({ message }) => String(message).startsWith('No connection')),
      );
      service.process.send('SIGTERM');
      assert.deepEqual(await service.process.exited, { code: 0, signal: null });
      await service.close();
    });
  });

  describe('while it runs', () => {
    it('replaces a process that ends by an error, whose reason is in the file', async () => {
      const service = await startServiceProcess({
        ...TWO,
        NODE_OPTIONS: preload(`process.once('SIGUSR2', () => Promise.reject(new Error('boom')))`),
      });
      try {
        const workers = await workersOf(service);
        const [broken = 0] = workers;
        process.kill(broken, 'SIGUSR2');
        await untilNewWorker(service, workers);
        service.process.send('SIGTERM');
        assert.deepEqual(await service.process.exited, { code: 0, signal: null });
        const lines = await fileOf(service);
        assert.deepEqual(lines, service.lines());
        const [last, end, ...more] = lines.filter(({ level }) => level === 'CRITICAL');
        assert.match(String(last?.stack), /^Error: boom/);
        assert.equal(last?.pid, broken);
        assert.deepEqual(
          { message: end?.message, pid: end?.pid, code: end?.code, signal: end?.signal },
          {
            message: 'A process has ended, and another takes its place',
            ...{ pid: broken, code: 1, signal: null },
          },
        );
        assert.deepEqual(more, []);
      } finally {
        await service.close();
      }
    });

    it('tears no line, however long, nor that of a process that dies while it writes', async () => {
      const text = 'é'.repeat(200_000);
      const service = await startServiceProcess({
        ...TWO,
        NODE_OPTIONS: preload(`process.once('SIGUSR2', () => {
          const line = JSON.stringify({ message: 'long', text: 'é'.repeat(200_000) });
          process.stdout.write(line + '\\n{"half":', () => process.kill(process.pid, 'SIGKILL'));
        })`),
      });
      try {
        const workers = await workersOf(service);
        process.kill(workers[0] ?? 0, 'SIGUSR2');
        const { pid, line } = await eventually('the beginning of a line is told', () =>
          service.lines().find(({ message }) => String(message).includes('middle of a line')),
        );
        assert.deepEqual({ pid, line }, { pid: workers[0], line: '{"half":' });
        service.process.send('SIGTERM');
        assert.deepEqual(await service.process.exited, { code: 0, signal: null });
        assert.deepEqual(await fileOf(service), service.lines());
        assert.equal(service.lines().find(({ message }) => message === 'long')?.text, text);
      } finally {
        await service.close();
      }
    });

    it('waits longer and longer for one that dies at once, while the others answer', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'broken-'));
      const flag = join(folder, 'broken');
      const service = await startServiceProcess({
        ...TWO,
        NODE_OPTIONS: preload(`
          import { existsSync } from 'node:fs';
          process.argv.includes('--worker') && existsSync('${flag}') && process.exit(3);
        `),
      });
      try {
        const workers = await workersOf(service);
        await writeFile(flag, '');
        process.kill(workers[0] ?? 0, 'SIGKILL');
        const endsOf = (): Record<string, unknown>[] =>
          service.lines().filter(({ level }) => level === 'CRITICAL');
        await eventually('one has ended', () => endsOf()[0]);
        const ends = await eventually('four have ended', async () => {
          await askOften(service.url, 1);
          return endsOf().length >= 4 ? endsOf().slice(0, 4) : undefined;
        });
        assert.deepEqual(
          ends.map(({ code, signal, pause_ms }) => ({ code, signal, pause_ms })),
          [
            { code: null, signal: 'SIGKILL', pause_ms: 100 },
            { code: 3, signal: null, pause_ms: 200 },
            { code: 3, signal: null, pause_ms: 400 },
            { code: 3, signal: null, pause_ms: 800 },
          ],
        );
        await rm(flag);
        await untilNewWorker(service, workers);
      } finally {
        await service.close();
        await rm(folder, { recursive: true });
      }
    });

    it('leaves no client without an end when a process is killed that has stopped to answer', async () => {
      const service = await startServiceProcess(TWO);
      try {
        const [stuck = 0] = await workersOf(service);
        process.kill(stuck, 'SIGSTOP');
        const answers = Array.from({ length: 6 }, () =>
          ask({ url: `${service.url}/` }).then(
            ({ status }) => status,
            (error: unknown) => (error as NodeJS.ErrnoException).code,
          ),
        );
        await eventually('the other process has answered', () =>
          answeredBy(service).size > 0 ? true : undefined,
        );
        process.kill(stuck, 'SIGKILL');
        const found = (await Promise.all(answers)).map(String).sort();
        assert.deepEqual(found, [...Array<string>(5).fill('200'), 'ECONNRESET']);
      } finally {
        await service.close();
      }
    });

    it('lets a process drain on a signal of its own, and replaces it', async () => {
      const service = await startServiceProcess(TWO);
      try {
        const workers = await workersOf(service);
        process.kill(workers[0] ?? 0, 'SIGTERM');
        await untilNewWorker(service, workers);
        const [warning, ...more] = service
          .lines()
          .filter(({ level }) => ['WARNING', 'CRITICAL'].includes(String(level)));
        assert.deepEqual(
          { level: warning?.level, pid: warning?.pid, code: warning?.code },
          { level: 'WARNING', pid: workers[0], code: 0 },
        );
        assert.deepEqual(more, []);
      } finally {
        await service.close();
      }
    });

    it('goes on when the reader of its console goes away', async () => {
      await withUnguarded({}, async ({ primary, url, file }) => {
        primary.stdout.destroy();
        await askOften(url, 20);
        primary.kill('SIGTERM');
        const [code] = (await once(primary, 'exit')) as [number | null];
        assert.equal(code, 0);
        const text = await readFile(file, 'utf8');
        assert.equal(text.match(/"message":"request"/g)?.length, 20);
        assert.match(text.trimEnd().split('\n').at(-1) ?? '', /"message":"Stopped"/);
      });
    });
  });
});
