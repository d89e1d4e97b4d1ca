import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { Agent, get, request, type IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { startRedis } from '../../stack/redis.js';
import { SERVICE_PROGRAM } from '../../stack/service.js';
import { assignmentHead, openConnection, statusesIn } from '../support/connection.js';
import { eventually } from '../support/eventually.js';
import { sendRaw } from '../support/faults/rawHttp.js';
import { REPOSITORY, theFleet } from '../support/fleet.js';
import { launchService, startServiceProcess } from '../support/serviceProcess.js';

/** Sends an assignment. Resolves when the service has received it, which it may take long to answer. */
async function beginAssignment(url: string): Promise<{ answer: Promise<IncomingMessage> }> {
  const outgoing = request(`${url}/assign-task/`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    agent: new Agent({ keepAlive: true }),
  });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on('response', (response) => {
      response.resume();
      resolve(response);
    });
    outgoing.on('error', reject);
  });
  answer.catch(() => undefined);
  await new Promise<void>((resolve) => outgoing.end('{"task_type":"nobody_runs_this"}', resolve));
  // What was sent before this round trip has been read when it is over.
  await fetch(`${url}/health/live`);
  return { answer };
}

describe('The process', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`answers what is in flight after ${signal}, refuses more, and exits with 0`, async () => {
      const redis = await startRedis({
        environment: process.env,
        python: theFleet().python.python,
      });
      const service = await startServiceProcess({
        REDIS_URL: redis.url,
        ASSIGN_TIMEOUT_MS: '8000',
      });
      try {
        await eventually('readiness', async () => {
          const answer = await fetch(`${service.url}/health/ready`);
          return answer.ok ? true : undefined;
        });
        redis.pause();
        const { answer: inFlight } = await beginAssignment(service.url);
        service.process.send(signal);
        await eventually('it stops listening', async () => {
          const refused = await fetch(`${service.url}/health/live`).catch(() => 'refused');
          return refused === 'refused' ? true : undefined;
        });
        redis.resume();
        const answer = await inFlight;
        assert.equal(answer.statusCode, 200);
        assert.equal(answer.headers.connection, 'close');
        assert.deepEqual(await service.process.exited, { code: 0, signal: null });
        assert.equal(service.lines().at(-1)?.message, 'Stopped');
        const file = await readFile(join(service.folder, 'logs/automation.log'), 'utf8');
        assert.match(file.trimEnd().split('\n').at(-1) ?? '', /"message":"Stopped"/);
      } finally {
        await service.close();
        await redis.stop();
      }
    });
  }

  it('answers all that came on one connection before SIGTERM', async () => {
    const redis = await startRedis({ environment: process.env, python: theFleet().python.python });
    const control = new Redis(redis.url);
    const service = await startServiceProcess({ REDIS_URL: redis.url, ASSIGN_TIMEOUT_MS: '8000' });
    try {
      await eventually('readiness', async () => {
        const answer = await fetch(`${service.url}/health/ready`);
        return answer.ok ? true : undefined;
      });
      redis.pause();
      const body = '{"task_type":"nobody_runs_this"}';
      const { socket, received, closed } = await openConnection(service.url);
      const assignment = `${assignmentHead(`Content-Length: ${body.length}`)}${body}`;
      await new Promise((resolve) => socket.write(assignment.repeat(3), resolve));
      // What was sent before this round trip has been read when it is over.
      await fetch(`${service.url}/health/live`);
      service.process.send('SIGTERM');
      await eventually('it stops listening', async () => {
        const refused = await fetch(`${service.url}/health/live`).catch(() => 'refused');
        return refused === 'refused' ? true : undefined;
      });
      redis.resume();
      await closed;
      assert.deepEqual(statusesIn(received()), [200, 200, 200]);
      assert.equal(await control.llen('worker_queue'), 3);
      assert.deepEqual(await service.process.exited, { code: 0, signal: null });
      const assigned = service.lines().filter(({ route }) => route === '/assign-task/');
      assert.deepEqual(
        assigned.map(({ status, aborted }) => ({ status, aborted })),
        Array(3).fill({ status: 200, aborted: undefined }),
      );
    } finally {
      await service.close();
      control.disconnect();
      await redis.stop();
    }
  });

  it('writes nothing but its log, whatever is wrong with a request that it turns away', async () => {
    const service = await startServiceProcess({ API_KEYS: 'ours=our-secret-0123456789' });
    try {
      for (let count = 1; count <= 5; count += 1) {
        const bytes = `${assignmentHead('Transfer-Encoding: chunked')}zz\r\n{}\r\n`;
        const [reply] = await sendRaw(service.url, bytes);
        assert.ok(reply !== undefined && [400, 401].includes(reply.status), JSON.stringify(reply));
        const { status } = JSON.parse(reply.body) as { status: string };
        assert.equal(status, 'error');
      }
      await eventually('every request is logged', () =>
        service.lines().filter(({ message }) => message === 'request').length === 5
          ? true
          : undefined,
      );
      service.process.send('SIGTERM');
      assert.deepEqual(await service.process.exited, { code: 0, signal: null });
      assert.deepEqual(
        service.process.output().filter((line) => !line.startsWith('{')),
        [],
      );
    } finally {
      await service.close();
    }
  });

  it('closes idle connections when it stops', async () => {
    const service = await startServiceProcess();
    const agent = new Agent({ keepAlive: true });
    try {
      await new Promise<void>((resolve, reject) => {
        get(`${service.url}/health/live`, { agent }, (response) => {
          response.resume().on('end', resolve);
        }).on('error', reject);
      });
      const start = performance.now();
      service.process.send('SIGTERM');
      assert.deepEqual(await service.process.exited, { code: 0, signal: null });
      assert.ok(performance.now() - start < 3_000);
    } finally {
      agent.destroy();
      await service.close();
    }
  });

  it('gives up on what is in flight after SHUTDOWN_TIMEOUT_MS', async () => {
    const service = await startServiceProcess({ SHUTDOWN_TIMEOUT_MS: '300' });
    try {
      const upload = new Promise<string>((resolve) => {
        const outgoing = request(`${service.url}/assign-task/`, { method: 'POST' }, () => {
          resolve('answered');
        });
        outgoing.on('error', () => {
          resolve('cut');
        });
        outgoing.write('{');
      });
      await fetch(`${service.url}/health/live`);
      service.process.send('SIGTERM');
      assert.equal(await upload, 'cut');
      assert.deepEqual(await service.process.exited, { code: 0, signal: null });
      const cut = service.lines().find(({ route }) => route === '/assign-task/');
      assert.equal(cut?.aborted, true);
      assert.equal(cut.status, undefined);
    } finally {
      await service.close();
    }
  });

  it('exits at once at a second signal', async () => {
    const redis = await startRedis({ environment: process.env, python: theFleet().python.python });
    const service = await startServiceProcess({ REDIS_URL: redis.url, ASSIGN_TIMEOUT_MS: '60000' });
    try {
      redis.pause();
      const { answer: inFlight } = await beginAssignment(service.url);
      service.process.send('SIGTERM');
      await eventually('it drains', () =>
        service.lines().find(({ message }) => String(message).startsWith('Stopping')),
      );
      service.process.send('SIGTERM');
      assert.equal((await service.process.exited).code, 1);
      await assert.rejects(inFlight, { code: 'ECONNRESET' });
    } finally {
      await service.close();
      redis.resume();
      await redis.stop();
    }
  });

  it('refuses to start with a bad configuration, naming every variable', async () => {
    const service = await launchService({ FASTAPI_PORT: 'x', LOG_LEVEL: 'loud' });
    assert.equal((await service.process.exited).code, 1);
    assert.deepEqual(service.process.output(), [
      "The configuration can't be used:",
      '  FASTAPI_PORT must be a whole number from 0 to 65535 (received: "x")',
      '  LOG_LEVEL must be one of CRITICAL, ERROR, WARNING, INFO, DEBUG (received: "loud")',
    ]);
    await service.close();
  });

  it('ends when the contract and the operations differ, with Redis there', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'other-contract-'));
    try {
      await cp(`${REPOSITORY}dist`, join(folder, 'dist'), { recursive: true });
      await symlink(`${REPOSITORY}node_modules`, join(folder, 'node_modules'));
      await writeFile(join(folder, 'package.json'), '{"type":"module"}');
      const contract = await readFile(`${REPOSITORY}openapi.yaml`, 'utf8');
      await writeFile(
        join(folder, 'openapi.yaml'),
        contract.replace('operationId: getLiveness', 'operationId: getAliveness'),
      );
      const service = await launchService({}, { program: join(folder, SERVICE_PROGRAM) });
      assert.equal((await service.process.exited).code, 1);
      assert.match(
        service.process.output().join('\n'),
        /without a function \[getAliveness\], not in the contract \[getLiveness\]/,
      );
      await service.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('heeds a signal that comes while it starts', async () => {
    const service = await launchService({ REDIS_URL: 'redis://127.0.0.1:1/0' });
    try {
      await eventually('it looks for Redis', () =>
        service.lines().find(({ message }) => String(message).startsWith('No connection')),
      );
      service.process.send('SIGTERM');
      assert.deepEqual(await service.process.exited, { code: 0, signal: null });
    } finally {
      await service.close();
    }
  });

  it('is not ready, but answers, for SHUTDOWN_DELAY_MS', async () => {
    const service = await startServiceProcess({ SHUTDOWN_DELAY_MS: '1500' });
    try {
      service.process.send('SIGTERM');
      const ready = await eventually('it is not ready', async () => {
        const answer = await fetch(`${service.url}/health/ready`);
        return answer.status === 503 ? answer : undefined;
      });
      const { message } = (await ready.json()) as { message: string };
      assert.equal(message, 'Not ready: the service is stopping');
      const { answer } = await beginAssignment(service.url);
      assert.equal((await answer).statusCode, 200);
      assert.deepEqual(await service.process.exited, { code: 0, signal: null });
    } finally {
      await service.close();
    }
  });

  for (const [what, fault] of [
    ['a rejection that nothing handles', 'Promise.reject(new Error("boom"))'],
    ['an error that nothing catches', '(() => { throw new Error("boom"); })()'],
  ] as const) {
    it(`ends with 1 after ${what}, its reason in the log and in the file`, async () => {
      const module = `process.once('SIGUSR2', () => ${fault});`;
      const service = await startServiceProcess({
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(module)}`,
      });
      try {
        service.process.send('SIGUSR2');
        assert.deepEqual(await service.process.exited, { code: 1, signal: null });
        const file = await readFile(join(service.folder, 'logs/automation.log'), 'utf8');
        for (const line of [
          service.lines().at(-1),
          JSON.parse(file.trim().split('\n').at(-1) ?? ''),
        ]) {
          const { level, message, stack } = line as Record<string, string>;
          assert.equal(level, 'CRITICAL');
          assert.match(message ?? '', /^Stopping after an error that nothing handles/);
          assert.match(stack ?? '', /^Error: boom/);
        }
      } finally {
        await service.close();
      }
    });
  }

  it('says what to do when its port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const service = await launchService({ FASTAPI_PORT: String(port) });
    assert.equal((await service.process.exited).code, 1);
    assert.match(service.process.output().join('\n'), /choose another with FASTAPI_PORT/);
    await service.close();
    other.close();
  });

  it('reads .env in the folder where it is started, the environment going first', async () => {
    const started = await startWithEnvironmentFile('TASK_PREFIX=from_file\nLOG_LEVEL=loud\n', {
      LOG_LEVEL: 'INFO',
    });
    assert.match(started, /"message":"Listening"/);
    const refused = await startWithEnvironmentFile('TASK_PREFIX=no good\n', {});
    assert.match(refused, /TASK_PREFIX must be/);
  });

  it('reads a .env as editors of Windows write it, or refuses it', async () => {
    const marked = '\ufeffTASK_PREFIX="no good"\r\nTASK_QUEUE=none good\r\n';
    const refused = await startWithEnvironmentFile(marked, {});
    assert.match(refused, /TASK_PREFIX must be .*\(received: "no good"\)/);
    assert.match(refused, /TASK_QUEUE must be .*\(received: "none good"\)/);
    const wide = await startWithEnvironmentFile(Buffer.from(marked, 'utf16le'), {});
    assert.match(wide, /The file .env is not text in UTF-8/);
  });

  it('warns once of variables that may be misspelt, in .env and in the environment', async () => {
    const service = await launchService(
      { CORS_ORIGIN: '*', WEB_CONCURRENCY: '2' },
      { environmentFile: 'LOGLEVEL=ERROR\n' },
    );
    try {
      await eventually('the service listens', () =>
        service.lines().find(({ message }) => message === 'Listening'),
      );
      const warnings = service.lines().filter(({ level }) => level === 'WARNING');
      assert.deepEqual(
        warnings.map(({ message, variables }) => [message, variables]),
        [
          [
            'Variables that have no effect may be misspelt',
            'LOGLEVEL (LOG_LEVEL?), CORS_ORIGIN (CORS_ORIGINS?)',
          ],
        ],
      );
    } finally {
      await service.close();
    }
  });

  it('shows no password, in the log or elsewhere', async () => {
    const service = await startServiceProcess({
      REDIS_URL: 'redis://someone:very-secret@127.0.0.1:1/0',
      LOG_LEVEL: 'DEBUG',
    });
    try {
      const path = '/result/redis%3A%2F%2Fa%3Avery-secret%40host';
      await fetch(`${service.url}${path}`);
      await fetch(`${service.url}/redis://a:very-secret@host`);
      await eventually('both requests are logged', () =>
        service.lines().filter(({ message }) => message === 'request').length === 2
          ? true
          : undefined,
      );
      const file = await readFile(join(service.folder, 'logs/automation.log'), 'utf8');
      assert.match(file, /No connection to Redis/);
      assert.doesNotMatch(file + service.process.output().join('\n'), /redis:\/\/a:very-secret/);
      assert.doesNotMatch(file + service.process.output().join('\n'), /someone:very-secret/);
    } finally {
      await service.close();
    }
  });

  for (const [what, file] of [
    ['a full disk', '/dev/full'],
    ['a folder that can’t be made', '/dev/null/logs/automation.log'],
  ] as const) {
    it(`logs to the console alone, with one warning, on ${what}`, async () => {
      const service = await startServiceProcess({ LOG_FILE: file });
      try {
        for (let request = 0; request < 20; request++) {
          assert.equal((await fetch(`${service.url}/`)).status, 200);
        }
        await eventually('every request is logged', () =>
          service.lines().filter(({ message }) => message === 'request').length === 20
            ? true
            : undefined,
        );
        const warnings = service.lines().filter(({ level }) => level === 'WARNING');
        assert.equal(warnings.length, 1);
        assert.match(String(warnings[0]?.message), /log file cannot be written/);
        service.process.send('SIGTERM');
        assert.deepEqual(await service.process.exited, { code: 0, signal: null });
      } finally {
        await service.close();
      }
    });
  }
});

/** Starts the service with this `.env` and gives what it wrote until it listened or gave up. */
async function startWithEnvironmentFile(
  text: string | Buffer,
  environment: Record<string, string>,
): Promise<string> {
  const service = await launchService(environment, { environmentFile: text });
  try {
    return await eventually('the service listens or gives up', () => {
      const output = service.process.output().join('\n');
      return /Listening|can't be used/.test(output) ? output : undefined;
    });
  } finally {
    await service.close();
  }
}
