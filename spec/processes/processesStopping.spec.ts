import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { startRedis, type RedisServer } from '../../stack/redis.js';
import { eventually } from '../support/eventually.js';
import { ask } from '../support/faults/http.js';
import { theFleet } from '../support/fleet.js';
import { startServiceProcess, type ServiceProcess } from '../support/serviceProcess.js';
import { askOften, fileOf, TWO, untilGone, withUnguarded, workersOf } from '../support/workers.js';

describe('WEB_CONCURRENCY, when it stops', function () {
  this.timeout(60_000);
  let redis: RedisServer;
  let service: ServiceProcess;
  const start = async (environment: Record<string, string> = {}): Promise<void> => {
    service = await startServiceProcess({
      ...TWO,
      REDIS_URL: redis.url,
      RESULT_TIMEOUT_MS: '8000',
      ...environment,
    });
  };
  beforeEach(async () => {
    redis = await startRedis({ environment: process.env, python: theFleet().python.python });
  });
  afterEach(async () => {
    redis.resume();
    await service.close();
    await redis.stop();
  });

  const signals: readonly [string, (pid: number) => void][] = [
    ['SIGTERM', (pid) => process.kill(pid, 'SIGTERM')],
    // As a terminal sends it.
    ['SIGINT of the whole group', (pid) => process.kill(-pid, 'SIGINT')],
  ];
  for (const [what, signal] of signals) {
    it(`answers on ${what} what all processes have in flight, and exits with 0`, async () => {
      await start();
      const answers = await beginRequests(service.url, redis, 8);
      signal(service.process.pid);
      await eventually('it stops listening', async () => {
        const refused = await ask({ url: `${service.url}/health/live` }).catch(() => 'refused');
        return refused === 'refused' ? true : undefined;
      });
      redis.resume();
      assert.deepEqual(await Promise.all(answers), Array(8).fill(200));
      assert.deepEqual(await service.process.exited, { code: 0, signal: null });
      const results = service.lines().filter(({ route }) => route === '/result/{task_id}');
      assert.equal(results.length, 8);
      assert.equal(new Set(results.map(({ pid }) => pid)).size, 2);
      assert.equal(service.lines().at(-1)?.message, 'Stopped');
      assert.deepEqual(await fileOf(service), service.lines());
      assert.deepEqual(
        service.lines().filter(({ level }) => ['CRITICAL', 'WARNING'].includes(String(level))),
        [],
      );
    });
  }

  it('keeps no connection waiting that comes meanwhile', async () => {
    for (let stop = 0; stop < 5; stop++) {
      await start();
      const answers = await beginRequests(service.url, redis, 4);
      const port = Number(new URL(service.url).port);
      const callers = Promise.all(Array.from({ length: 16 }, () => callUntilRefused(port)));
      service.process.send('SIGTERM');
      assert.equal(
        await Promise.race([callers.then(() => 'refused'), pause(5_000, 'waits', { ref: false })]),
        'refused',
      );
      redis.resume();
      assert.deepEqual(await Promise.all(answers), Array(4).fill(200));
      assert.deepEqual(await service.process.exited, { code: 0, signal: null });
    }
  });

  it('is not ready, but answers, for SHUTDOWN_DELAY_MS in every process', async () => {
    await start({ SHUTDOWN_DELAY_MS: '1500' });
    service.process.send('SIGTERM');
    await eventually('no process is ready', async () => {
      const answers = await Promise.all(
        Array.from({ length: 4 }, () => ask({ url: `${service.url}/health/ready` })),
      );
      return answers.every(({ status }) => status === 503) || undefined;
    });
    await askOften(service.url, 4);
    assert.deepEqual(await service.process.exited, { code: 0, signal: null });
  });

  it('ends all at once at a second signal', async () => {
    await start();
    const workers = await workersOf(service);
    const answers = await beginRequests(service.url, redis, 4);
    service.process.send('SIGTERM');
    await eventually('it drains', () =>
      service.lines().find(({ message }) => String(message).startsWith('Stopping')),
    );
    service.process.send('SIGTERM');
    assert.equal((await service.process.exited).code, 1);
    for (const answer of answers) {
      await assert.rejects(answer, { code: 'ECONNRESET' });
    }
    await untilGone(workers);
  });

  it('says so and exits with 1 when a process does not end by itself', async () => {
    await start({ SHUTDOWN_TIMEOUT_MS: '1' });
    const [stuck = 0] = await workersOf(service);
    process.kill(stuck, 'SIGSTOP');
    service.process.send('SIGTERM');
    assert.equal((await service.process.exited).code, 1);
    assert.match(service.process.output().join('\n'), /^Not every process has stopped in order/m);
    const [line] = service.lines().filter(({ level }) => level === 'CRITICAL');
    assert.deepEqual({ pid: line?.pid, signal: line?.signal }, { pid: stuck, signal: 'SIGKILL' });
  });

  it('drains when its primary process is killed, whose port is free at once', async () => {
    await start();
    const environment = { REDIS_URL: redis.url, RESULT_TIMEOUT_MS: '8000' };
    await withUnguarded(environment, async ({ primary, url, workers }) => {
      const answers = await beginRequests(url, redis, 8);
      primary.kill('SIGKILL');
      await once(primary, 'exit');
      const successor = createServer();
      successor.listen(Number(new URL(url).port), '127.0.0.1');
      await once(successor, 'listening');
      successor.close();
      redis.resume();
      assert.deepEqual(await Promise.all(answers), Array(8).fill(200));
      await untilGone(workers);
    });
  });
});

/** Sends requests, to each worker in turn, which have been received when it resolves, and can't be answered yet. */
async function beginRequests(
  url: string,
  redis: RedisServer,
  count: number,
): Promise<Promise<number>[]> {
  redis.pause();
  const answers = Array.from({ length: count }, async (_, index) => {
    const { status } = await ask({ url: `${url}/result/${index}` });
    return status;
  });
  for (const answer of answers) {
    answer.catch(() => undefined);
  }
  // Connections are handed on in their order: what came before these has been read when they are answered.
  await askOften(url, 4);
  return answers;
}

/** Makes one connection after the other, with a request on each, until nobody listens. */
async function callUntilRefused(port: number): Promise<void> {
  while (!(await isRefused(port)));
}

function isRefused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let code: string | undefined;
    const socket = connect(port, '127.0.0.1');
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    socket.on('close', () => {
      resolve(code === 'ECONNREFUSED');
    });
    socket.end('GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    socket.resume();
  });
}
