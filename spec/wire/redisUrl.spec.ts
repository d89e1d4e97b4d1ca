import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { Redis } from 'ioredis';
import { generate } from 'selfsigned';
import { startWorker } from '../../stack/celery.js';
import { startRedis, type RedisServer } from '../../stack/redis.js';
import { eventually } from '../support/eventually.js';
import { REPOSITORY, theFleet } from '../support/fleet.js';
import { startTestService } from '../support/service.js';

const PASSWORD = 'p@ss/w:rd#?é';

describe('A Redis URL', () => {
  let redis: RedisServer;
  let tls: Server;
  let strictTls: Server;
  let folder: string;
  let socket: string;
  let tlsAddress: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'redis-url-'));
    socket = join(folder, 'redis server.sock');
    redis = await startRedis({
      environment: process.env,
      python: theFleet().python.python,
      arguments: ['--unixsocket', socket],
    });
    const client = new Redis(redis.url);
    await client.config('SET', 'requirepass', PASSWORD);
    client.disconnect();
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
      extensions: [
        { name: 'basicConstraints', cA: true },
        { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
      ],
    });
    await writeFile(join(folder, 'ca.pem'), cert);
    await writeFile(join(folder, 'key.pem'), key);
    // The Redis that the specs find may be built without TLS: it is terminated here, in front of it.
    const forward = (socket: Socket): void => {
      const plain = connect(redis.port, '127.0.0.1');
      socket.pipe(plain).pipe(socket);
      socket.on('error', () => plain.destroy());
      plain.on('error', () => socket.destroy());
    };
    tls = createServer({ cert, key }, forward);
    strictTls = createServer({ cert, key, ca: cert, requestCert: true }, forward);
    for (const server of [tls, strictTls]) {
      await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    }
    tlsAddress = `localhost:${(tls.address() as AddressInfo).port}`;
  });
  after(async () => {
    tls.close();
    strictTls.close();
    await redis.stop();
    await rm(folder, { recursive: true });
  });

  const credentials = `:${encodeURIComponent(PASSWORD)}@`;

  it('may hold a password and a database', async () => {
    await works(`redis://${credentials}127.0.0.1:${redis.port}/5`);
  });

  it('may hold a user', async () => {
    await works(`redis://default${credentials}127.0.0.1:${redis.port}`);
  });

  it('may name database 0 by slashes alone, as kombu reads them', async () => {
    for (const end of ['//0', '//', '/']) {
      await works(`redis://${credentials}127.0.0.1:${redis.port}${end}`);
    }
    await works(`rediss://${credentials}${tlsAddress}//0?ssl_cert_reqs=none`);
  });

  it('may name a host by its IPv6 address', async () => {
    const server = createTcpServer((client) => {
      client.pipe(connect(redis.port, '127.0.0.1')).pipe(client);
    });
    await new Promise<void>((resolve) => server.listen(0, '::1', resolve));
    try {
      await works(`redis://${credentials}[::1]:${(server.address() as AddressInfo).port}/0`);
    } finally {
      server.close();
    }
  });

  it('may name a socket as redis-py does, the password before the path or behind it', async () => {
    await works(`unix://${credentials}${encodeURI(socket)}?db=2`);
    await works(`unix://${encodeURI(socket)}?password=${encodeURIComponent(PASSWORD)}`);
    await fails(`unix://${encodeURI(socket)}`, /NOAUTH/);
  });

  it('may name a socket without a password, where the server wants none', async () => {
    const path = join(folder, 'open.sock');
    const open = await startRedis({
      environment: process.env,
      python: theFleet().python.python,
      arguments: ['--unixsocket', path],
    });
    try {
      await works(`redis+socket://${path}`);
      await works(`redis+socket://${path}?virtual_host=2`);
    } finally {
      await open.stop();
    }
  });

  it('of a socket that is not there has the service wait for it', async () => {
    await fails(`unix://${join(folder, 'none.sock')}`, /ENOENT/);
  });

  it('may ask for TLS, the certificate verified by a CA file', async () => {
    const authority = encodeURIComponent(join(folder, 'ca.pem'));
    await works(
      `rediss://${credentials}${tlsAddress}/0?ssl_cert_reqs=CERT_REQUIRED&ssl_ca_certs=${authority}`,
    );
  });

  it('may bring a client certificate, for the broker and the backend alike', async () => {
    const file = (name: string): string => encodeURIComponent(join(folder, name));
    const address = `localhost:${(strictTls.address() as AddressInfo).port}`;
    const url = `rediss://${credentials}${address}/0?ssl_ca_certs=${file('ca.pem')}`;
    await works(`${url}&ssl_certfile=${file('ca.pem')}&ssl_keyfile=${file('key.pem')}`);
    await fails(url, /certificate required|ECONNRESET|closed/);
  });

  it('may ask for TLS without verification', async () => {
    await works(`rediss://${credentials}${tlsAddress}/0?ssl_cert_reqs=CERT_NONE`);
  });

  it('verifies the certificate unless told otherwise', async () => {
    await fails(`rediss://${credentials}${tlsAddress}/0`, /self-signed certificate/);
  });

  it('with a wrong password is refused with a reason in the log, and without the password', async () => {
    await fails(`redis://:wrong-secret@127.0.0.1:${redis.port}/0`, /WRONGPASS/);
  });

  it('names the socket through which service and workers of Celery find each other', async function () {
    this.timeout(90_000);
    const url = `redis+socket://${credentials}${encodeURI(socket)}?virtual_host=3`;
    const workersFolder = `${REPOSITORY}spec/support/celery`;
    const worker = await startWorker({
      ...{ workersFolder, redisUrl: url, python: theFleet().python, environment: process.env },
      variables: { PYTHONPATH: workersFolder },
      concurrency: 1,
    });
    const service = await startTestService({
      REDIS_URL: url,
      TASK_ROUTES: 'worker.*=version_queue',
      ASSIGN_TIMEOUT_MS: '10000',
    });
    try {
      const taskId = await service.assign('show', { of: 'a socket' });
      const result = await service.get(`/result/${taskId}?wait=30`).expect(200);
      assert.equal((result.body as { status: string }).status, 'completed');
      // On a connection of its own, as are the states that `wait` hears of.
      const queues = await service.get('/queues/').expect(200);
      assert.match(JSON.stringify(queues.body), /"version_queue".*"consumers":1/);
      const client = new Redis({ path: socket, password: PASSWORD, db: 3 });
      assert.equal(await client.exists(`celery-task-meta-${taskId}`), 1);
      client.disconnect();
      assert.doesNotMatch(JSON.stringify(service.lines), /p%40ss|p@ss/);
    } finally {
      await service.close();
      await worker.stop();
    }
  });

  for (const user of ['', 'frontend']) {
    it(`with ${user === '' ? 'a' : 'a user and a'} password is refused in the same way by a server that knows none`, async () => {
      const ignorant = await startRedis({
        environment: process.env,
        python: theFleet().python.python,
        // Such a server quotes the arguments of what it does not know.
        arguments: ['--rename-command', 'AUTH', ''],
      });
      try {
        await fails(`redis://${user}:wrong-secret@127.0.0.1:${ignorant.port}/0`, /unknown command/);
      } finally {
        await ignorant.stop();
      }
    });
  }
});

async function works(url: string): Promise<void> {
  const service = await startTestService({ REDIS_URL: url });
  try {
    const health = await service.get('/health').expect(200);
    assert.equal((health.body as { redis_status: string }).redis_status, 'healthy');
    const taskId = await service.assign('nobody_runs_this');
    const result = await service.get(`/result/${taskId}`).expect(200);
    assert.equal((result.body as { status: string }).status, 'pending');
  } finally {
    await service.close();
  }
}

async function fails(url: string, reason: RegExp): Promise<void> {
  const service = await startTestService({ REDIS_URL: url, ASSIGN_TIMEOUT_MS: '300' });
  try {
    await service.post('/assign-task/').send({ task_type: 'test_task' }).expect(500);
    await service.get('/health/ready').expect(503);
    const warning = await eventually('the reason is logged', () =>
      service.lines.find(({ level }) => level === 'warning'),
    );
    assert.match(String(warning.fields.reason), reason);
    assert.doesNotMatch(JSON.stringify(service.lines), /wrong-secret/);
  } finally {
    await service.close();
  }
}
