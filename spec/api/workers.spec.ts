import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { startWorker } from '../../stack/celery.js';
import { startRedis } from '../../stack/redis.js';
import { eventually } from '../support/eventually.js';
import { PYTHON_MODULES, theFleet, WORKERS_FOLDER } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';
import { runPython } from '../support/tasks.js';

interface TaskList {
  available_tasks: string[];
  tasks: { name: string; task_type?: string; workers: string[]; queues: string[] }[];
  workers: { hostname: string; queues: string[] }[];
}

interface Queue {
  name: string;
  depth: number;
  depth_by_priority: Record<string, number>;
  consumers: number | null;
}

const QUEUES = ['automation_queue', 'worker_queue'];

describe('GET /tasks/', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService();
  });
  after(() => service.close());

  async function list(of = service): Promise<TaskList> {
    return (await of.get('/tasks/').expect(200)).body as TaskList;
  }

  it('lists what `inspect registered` of Python does, with the workers and their queues', async () => {
    const body = await list();
    const inspected = JSON.parse(
      await runPython('celery_tools', ['inspect', 'registered']),
    ) as Record<string, string[]>;
    const names = Object.values(inspected).flat();
    assert.deepEqual(body.available_tasks, [...new Set(names)].sort());
    assert.ok(body.available_tasks.includes('worker.test_task'));
    assert.ok(body.available_tasks.every((name) => !name.startsWith('celery.')));
    const [hostname = ''] = Object.keys(inspected);
    assert.deepEqual(body.workers, [{ hostname, queues: QUEUES }]);
    assert.deepEqual(
      body.tasks.find(({ name }) => name === 'worker.approve_batches'),
      {
        name: 'worker.approve_batches',
        task_type: 'approve_batches',
        workers: [hostname],
        queues: QUEUES,
      },
    );
  });

  it('gives a type to those tasks alone that can be assigned', async () => {
    const isAutomation = ({ name }: { name: string }) => name === 'automation.echo';
    assert.equal('task_type' in ((await list()).tasks.find(isAutomation) ?? {}), false);
    const other = await startTestService({ TASK_NAMESPACES: 'worker,automation' });
    const task = (await list(other)).tasks.find(isAutomation);
    await other.close();
    assert.equal(task?.task_type, 'automation.echo');
  });

  it('asks the workers once for many requests, and says how old its answer is', async () => {
    const redis = new Redis(theFleet().redis.url);
    const fresh = await startTestService();
    const monitor = await redis.monitor();
    const published: string[] = [];
    monitor.on('monitor', (_time: string, [command = '', channel = '']: string[]) => {
      if (command.toLowerCase() === 'publish' && channel.endsWith('celery.pidbox')) {
        published.push(channel);
      }
    });
    try {
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => fresh.get('/tasks/').expect(200)),
      );
      assert.ok(answers.every(({ headers }) => headers.age === '0'));
      await fresh.get('/queues/').expect(200);
      const later = await eventually('an answer of a second ago', async () => {
        const { headers } = await fresh.get('/tasks/').expect(200);
        return headers.age === '1' ? headers : undefined;
      });
      assert.equal(later.age, '1');
      // The marker comes after whatever was published before.
      await redis.publish('marker/celery.pidbox', '');
      await eventually('the marker', () => published.includes('marker/celery.pidbox') || undefined);
      // `registered` and `active_queues`.
      assert.deepEqual(published, ['/0.celery.pidbox', '/0.celery.pidbox', 'marker/celery.pidbox']);
    } finally {
      monitor.disconnect();
      redis.disconnect();
      await fresh.close();
    }
  });

  it('leaves nothing behind in Redis', async () => {
    const redis = new Redis(theFleet().redis.url);
    // Flower and `celery inspect` keep something there while they run.
    const kept = async () => [
      ...(await redis.keys('*.reply.celery.pidbox')).filter((key) => !key.startsWith('_kombu')),
      ...(await redis.smembers('_kombu.binding.reply.celery.pidbox')),
    ];
    const before = await kept();
    const fresh = await startTestService();
    await list(fresh);
    await fresh.post('/tasks/some-task/revoke').expect(200);
    await fresh.get('/tasks/some-task/explain').expect(200);
    await fresh.close();
    const after = await kept();
    redis.disconnect();
    assert.deepEqual(
      after.filter((one) => !before.includes(one)),
      [],
    );
  });

  it('is empty, at once, where no worker runs', async () => {
    const other = await startTestService({
      REDIS_URL: theFleet().redis.url.replace(/0$/, '5'),
    });
    const start = performance.now();
    const { available_tasks, tasks, workers } = await list(other);
    const took = performance.now() - start;
    const queues = (await other.get('/queues/').expect(200)).body as { queues: Queue[] };
    await other.close();
    assert.deepEqual(
      { available_tasks, tasks, workers },
      { available_tasks: [], tasks: [], workers: [] },
    );
    assert.ok(took < 500, `took ${took} ms`);
    assert.deepEqual(
      queues.queues.map(({ name, consumers }) => ({ name, consumers })),
      QUEUES.map((name) => ({ name, consumers: 0 })),
    );
  });
});

describe('When workers or Redis do not answer', function () {
  this.timeout(60_000);

  it('GET /tasks/ waits a second for a worker that hangs, and tells what others say', async () => {
    const { python } = theFleet();
    const redis = await startRedis({ environment: process.env, python: python.python });
    const start = (name: string) =>
      startWorker({
        python,
        workersFolder: WORKERS_FOLDER,
        redisUrl: redis.url,
        environment: process.env,
        variables: { PYTHONPATH: PYTHON_MODULES },
        arguments: ['--hostname', `${name}@spec`, '--queues', 'worker_queue', '--pool', 'solo'],
        concurrency: 1,
      });
    const [one, other] = await Promise.all([start('one'), start('other')]);
    const service = await startTestService({ REDIS_URL: redis.url });
    const client = new Redis(redis.url);
    client.on('error', () => undefined);
    try {
      other.send('SIGSTOP');
      const begin = performance.now();
      const body = (await service.get('/tasks/').expect(200)).body as TaskList;
      const took = performance.now() - begin;
      assert.ok(took > 900 && took < 1_800, `took ${took} ms`);
      assert.deepEqual(body.workers, [{ hostname: 'one@spec', queues: ['worker_queue'] }]);
      one.send('SIGSTOP');
      const silent = await eventually('nobody answers', async () => {
        const { queues } = (await service.get('/queues/').expect(200)).body as { queues: Queue[] };
        return queues.every(({ consumers }) => consumers === null) ? queues : undefined;
      });
      assert.deepEqual(
        silent.map(({ name }) => name),
        QUEUES,
      );
      one.send('SIGCONT');
      other.send('SIGCONT');
      const all = await eventually('both answer', async () => {
        const { workers } = (await service.get('/tasks/').expect(200)).body as TaskList;
        return workers.length === 2 ? workers : undefined;
      });
      assert.deepEqual(
        all.map(({ hostname }) => hostname),
        ['one@spec', 'other@spec'],
      );
      // What came too late goes away by itself.
      for (const key of await client.keys('*.reply.celery.pidbox')) {
        const left = await client.pttl(key);
        assert.ok(left > 0 && left <= 10_000, `${key} lives for ${left} ms`);
      }

      await redis.kill();
      for (const path of ['/tasks/', '/queues/', '/tasks/some-task/explain']) {
        const again = performance.now();
        const answer = await eventually(`${path} fails`, async () => {
          const response = await service.get(path);
          return response.status === 500 ? response : undefined;
        });
        assert.match(
          (answer.body as { message: string }).message,
          /could not be .*: the (message broker|result backend) /,
        );
        assert.doesNotMatch(answer.text, /ECONN|127\.0\.0\.1|ioredis/);
        assert.ok(performance.now() - again < 8_000);
      }
      await service.post('/tasks/some-task/revoke').expect(500);
      await redis.restart();
      await eventually(
        'the tasks again',
        async () => {
          const response = await service.get('/tasks/');
          const names = response.status === 200 ? (response.body as TaskList).available_tasks : [];
          return names.length > 0 || undefined;
        },
        30_000,
      );
    } finally {
      client.disconnect();
      await service.close();
      one.send('SIGCONT');
      other.send('SIGCONT');
      await Promise.all([one.stop(), other.stop()]);
      await redis.stop();
    }
  });
});

describe('GET /queues/', () => {
  const DATABASE = 9;
  let redis: Redis;
  let service: TestService;
  before(async () => {
    redis = new Redis(theFleet().redis.port, { db: DATABASE });
    service = await startTestService({
      REDIS_URL: theFleet().redis.url.replace(/0$/, String(DATABASE)),
      TASK_ROUTES: 'worker.*=deep_queue',
      TASK_QUEUE: 'empty_queue',
      CELERY_BROKER_GLOBAL_KEYPREFIX: 'p:',
    });
  });
  after(async () => {
    await redis.flushdb();
    redis.disconnect();
    await service.close();
  });

  it('counts the messages of each priority, as kombu keeps them', async () => {
    await service.assign('a');
    for (const [step, count] of [
      ['3', 1],
      ['6', 2],
      ['9', 3],
    ] as const) {
      await redis.lpush(`p:deep_queue\x06\x16${step}`, ...Array<string>(count).fill('{}'));
    }
    const { queues } = (await service.get('/queues/').expect(200)).body as { queues: Queue[] };
    assert.deepEqual(queues, [
      { name: 'deep_queue', depth: 7, depth_by_priority: { 0: 1, 3: 1, 6: 2, 9: 3 }, consumers: 0 },
      {
        name: 'empty_queue',
        depth: 0,
        depth_by_priority: { 0: 0, 3: 0, 6: 0, 9: 0 },
        consumers: 0,
      },
    ]);
  });

  it('is an error where the key of a queue is no list', async () => {
    await redis.set('p:empty_queue', 'no list');
    const answer = await service.get('/queues/').expect(500);
    await redis.del('p:empty_queue');
    assert.equal(
      (answer.body as { message: string }).message,
      'The queues could not be read: the message broker refused it',
    );
  });

  it('names the queues that live workers consume, and how many do', async () => {
    const other = await startTestService({ TASK_ROUTES: 'worker.*=other_queue' });
    const { queues } = (await other.get('/queues/').expect(200)).body as { queues: Queue[] };
    await other.close();
    assert.deepEqual(
      queues.map(({ name, consumers }) => [name, consumers]),
      [
        ['automation_queue', 1],
        ['other_queue', 0],
        ['worker_queue', 1],
      ],
    );
  });
});
