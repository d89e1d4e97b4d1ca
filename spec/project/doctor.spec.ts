import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { startWorker } from '../../stack/celery.js';
import type { RunningProcess } from '../../stack/process.js';
import { startRedis, type RedisServer } from '../../stack/redis.js';
import { SERVICE_PROGRAM } from '../../stack/service.js';
import { eventually } from '../support/eventually.js';
import { REPOSITORY, theFleet } from '../support/fleet.js';
import { startTestService } from '../support/service.js';

interface Finding {
  check: string;
  message: string;
  mend: string;
  workers?: string[];
}

interface Diagnosis {
  healthy: boolean;
  findings: Finding[];
  workers: { hostname: string; celery_version: string; pool: string; queues: string[] }[];
}

/** A worker: its settings, beside those of a healthy one, and its arguments. */
interface Worker {
  settings?: object;
  arguments?: readonly string[];
  /** Seconds that its clock is wrong by. */
  clockAhead?: number;
}

/** A fleet with one fault. */
interface Case {
  fault: string;
  check: string;
  message: RegExp;
  mend: RegExp;
  workers?: readonly Worker[];
  /** Variables of the service, beside those of a healthy one. */
  variables?: Readonly<Record<string, string>>;
  /** A part of the hostnames that the finding names; none where it is not about workers. */
  of?: readonly string[];
}

const ONE = [{}];

const CASES: readonly Case[] = [
  {
    fault: 'no result backend',
    workers: [{ settings: { result_backend: null } }],
    check: 'result_backend',
    message: /store no results/,
    mend: /Set their result_backend to .*: redis:\/\/127\.0\.0\.1:\d+\/\d+\.$/,
    of: ['one'],
  },
  {
    fault: 'results in another database',
    workers: [{ settings: { result_backend: 'redis://127.0.0.1:6379/45' } }],
    check: 'result_backend',
    message: /store results in database 45, and this service reads redis:/,
    mend: /CELERY_RESULT_BACKEND/,
    of: ['one'],
  },
  {
    fault: 'results in no Redis',
    workers: [{ settings: { result_backend: 'rpc://' } }],
    check: 'result_backend',
    message: /store results in rpc, which is no Redis/,
    mend: /CELERY_RESULT_BACKEND/,
    of: ['one'],
  },
  {
    fault: 'results with another key prefix',
    workers: [{ settings: { result_backend_transport_options: { global_keyprefix: 'shop_' } } }],
    check: 'result_key_prefix',
    message: /with a key prefix, and this service reads them with none/,
    mend: /CELERY_RESULT_GLOBAL_KEYPREFIX/,
    of: ['one'],
  },
  {
    fault: 'results without its key prefix',
    variables: { CELERY_RESULT_GLOBAL_KEYPREFIX: 'shop_' },
    check: 'result_key_prefix',
    message: /without a key prefix, and this service reads them with shop_/,
    mend: /CELERY_RESULT_GLOBAL_KEYPREFIX/,
    of: ['one'],
  },
  {
    fault: 'results that nobody keeps',
    workers: [{ settings: { task_ignore_result: true } }],
    check: 'results_ignored',
    message: /task_ignore_result/,
    mend: /False/,
    of: ['one'],
  },
  {
    fault: 'results in pickle',
    workers: [{ settings: { result_serializer: 'pickle' } }],
    check: 'result_serializer',
    message: /as pickle/,
    mend: /json/,
    of: ['one'],
  },
  {
    fault: 'other steps of priority',
    workers: [{ settings: { broker_transport_options: { priority_steps: [0, 3, 9] } } }],
    check: 'priority_steps',
    message: /tasks of priority 6 where .* priority_steps are 0, 3 and 9/,
    mend: /Set CELERY_BROKER_PRIORITY_STEPS to 0,3,9\.$/,
    of: ['one'],
  },
  {
    fault: 'a visibility timeout that is shorter than a task may be',
    workers: [
      {
        settings: {
          task_acks_late: true,
          task_time_limit: 60,
          broker_transport_options: { visibility_timeout: 30 },
        },
        arguments: ['--pool', 'prefork'],
      },
    ],
    variables: { VISIBILITY_TIMEOUT: '30' },
    check: 'visibility_timeout',
    message: /shop\.invoice and shop\.refund may run for 60 s, and after 30 s/,
    mend: /more than 60/,
    of: ['one'],
  },
  {
    fault: 'visibility timeouts that differ',
    workers: [{}, { settings: { broker_transport_options: { visibility_timeout: 7_200 } } }],
    check: 'visibility_timeout',
    message: /\(3600 s and 7200 s\)/,
    mend: /all workers the same/,
    of: ['one'],
  },
  {
    fault: 'a longer visibility timeout here than there',
    variables: { VISIBILITY_TIMEOUT: '7200' },
    check: 'visibility_timeout',
    message: /nine tenths of 7200 s, and after 3600 s/,
    mend: /Set VISIBILITY_TIMEOUT to 3600/,
  },
  {
    fault: 'a queue that nobody consumes',
    variables: { TASK_ROUTES: 'shop.refund=refunds' },
    check: 'unconsumed_queue',
    message: /the queue refunds, which no worker consumes/,
    mend: /--queues refunds.*consumed: shop\./,
  },
  {
    fault: 'routes of its own',
    workers: [
      {
        settings: { task_routes: { 'shop.re*': { queue: 'vip' } } },
        arguments: ['--queues', 'shop,vip'],
      },
    ],
    check: 'route',
    message: /sends shop\.refund to the queue shop; the workers' own task_routes send it to vip/,
    mend: /Add shop\.refund=vip to TASK_ROUTES/,
  },
  {
    fault: 'a task that no worker has',
    workers: [{ settings: { tasks: ['shop.invoice'] } }],
    check: 'missing_task',
    message: /No worker has .*: shop\.refund\./,
    mend: /tasks files/,
  },
  {
    fault: 'a task that no tasks file describes',
    workers: [{ settings: { tasks: ['shop.invoice', 'shop.refund', 'shop.audit'] } }],
    check: 'undescribed_task',
    message: /no tasks file describes: shop\.audit\./,
    mend: /TASKS_FILE/,
  },
  {
    fault: 'a worker without a task of its queue',
    workers: [{}, { settings: { tasks: ['shop.invoice'] } }],
    check: 'unregistered_task',
    message: /The queue shop gets shop\.refund, which other workers have and these have not/,
    mend: /the same tasks/,
    of: ['two'],
  },
  {
    fault: 'no type for any task',
    variables: { TASK_NAMESPACES: '', TASKS_FILE: '' },
    check: 'no_task_type',
    message: /such as shop\.invoice and shop\.refund/,
    mend: /Set TASK_NAMESPACES to \*/,
  },
  {
    fault: 'a soft time limit that is no shorter than the hard one',
    workers: [
      {
        settings: { task_time_limit: 30, task_soft_time_limit: 30 },
        arguments: ['--pool', 'prefork'],
      },
    ],
    check: 'time_limit',
    message: /soft time limit of shop\.invoice and shop\.refund/,
    mend: /shorter than time_limit/,
    of: ['one'],
  },
  {
    fault: 'a time limit in a pool that keeps none',
    workers: [{ settings: { task_time_limit: 30 }, arguments: ['--pool', 'threads'] }],
    check: 'time_limit',
    message: /The time limit of 30 s has no effect in the pool threads/,
    mend: /prefork/,
    of: ['one'],
  },
  {
    fault: 'an old Celery',
    workers: [{ settings: { celery_version: '5.2.7 (dawn-chorus)' } }, {}],
    check: 'celery_version',
    message: /Celery 5\.2\.7 is out of support/,
    mend: /later Celery/,
    of: ['one'],
  },
  {
    fault: 'a clock that is wrong',
    workers: [{ clockAhead: -60 }, {}],
    check: 'clock',
    message: /The clock is 60 s behind the one of this service/,
    mend: /NTP/,
    of: ['one'],
  },
  {
    fault: 'no worker',
    workers: [],
    check: 'no_workers',
    message: /No worker listens in database \d+ of the message broker\./,
    mend: /Start a worker/,
  },
];

const NAMES = ['one', 'two'];

/** How many databases: one for each case, and those before them for the specs that need one alone. */
const FIRST_DATABASE = 20;

describe('GET /doctor', function () {
  this.timeout(120_000);
  let redis: RedisServer;
  let folder: string;
  const workers: RunningProcess[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'doctor-'));
    await writeFile(
      join(folder, 'tasks.yaml'),
      'tasks: { shop.invoice: { summary: Writes one. }, shop.refund: { summary: Pays back. } }\n',
    );
    redis = await startRedis({
      environment: process.env,
      python: theFleet().python.python,
      arguments: ['--appendonly', 'yes', '--databases', '64'],
    });
    // Several at a time: each takes seconds to start.
    const starts = CASES.flatMap(({ workers: own = ONE }, index) =>
      own.map((worker, place) => () => startExamined(FIRST_DATABASE + index, worker, place)),
    );
    await Promise.all(
      Array.from({ length: 4 }, async () => {
        for (let start = starts.shift(); start !== undefined; start = starts.shift()) {
          workers.push(await start());
        }
      }),
    );
  });
  after(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await redis.stop();
    await rm(folder, { recursive: true });
  });

  const urlOf = (database: number, user = ''): string =>
    redis.url.replace('redis://', `redis://${user}`).replace(/0$/, String(database));

  function startExamined(
    database: number,
    { settings = {}, arguments: more = [], clockAhead }: Worker,
    place = 0,
  ): Promise<RunningProcess> {
    const pool = more.includes('--pool') ? [] : ['--pool', 'solo'];
    return startWorker({
      python: theFleet().python,
      workersFolder: `${REPOSITORY}spec/support/celery/examined`,
      redisUrl: urlOf(database),
      environment: process.env,
      variables: {
        SETTINGS: JSON.stringify(settings),
        // Root may not run one that accepts pickle.
        C_FORCE_ROOT: '1',
        ...(clockAhead !== undefined && {
          PYTHONPATH: `${REPOSITORY}spec/support/celery/wrongClock`,
          CLOCK_AHEAD: String(clockAhead),
        }),
      },
      arguments: ['--hostname', `${NAMES[place]}@spec`, ...pool, ...more],
      concurrency: 1,
    });
  }

  function variables(database: number, more: Case['variables'] = {}, user = '') {
    return {
      REDIS_URL: urlOf(database, user),
      TASK_NAMESPACES: '*',
      TASK_QUEUE: 'shop',
      TASKS_FILE: join(folder, 'tasks.yaml'),
      ...more,
    };
  }

  async function examine(database: number, more?: Case['variables'], user = '') {
    const service = await startTestService(variables(database, more, user));
    try {
      return (await service.get('/doctor').expect(200)).body as Diagnosis;
    } finally {
      await service.close();
    }
  }

  /** The program, ended by itself: its exit code and what it has printed. */
  function run(database: number, ...programArguments: readonly string[]) {
    return new Promise<{ code: number; output: string }>((resolve) => {
      const child = execFile(
        process.execPath,
        [join(REPOSITORY, SERVICE_PROGRAM), 'doctor', ...programArguments],
        { cwd: folder, env: { PATH: process.env.PATH, ...variables(database) } },
        (_error, stdout, stderr) => {
          resolve({ code: child.exitCode ?? -1, output: stdout + stderr });
        },
      );
    });
  }

  describe('of a healthy fleet', () => {
    const DATABASE = 1;
    let worker: RunningProcess;
    before(async () => {
      worker = await startExamined(DATABASE, {});
    });
    after(() => worker.stop());

    it('says nothing, and names the workers', async () => {
      const diagnosis = await examine(DATABASE);
      assert.deepEqual(diagnosis.findings, []);
      assert.equal(diagnosis.healthy, true);
      const [own] = diagnosis.workers;
      assert.match(String(own?.celery_version), /^5\.\d+\.\d+$/);
      assert.deepEqual(diagnosis.workers, [
        {
          ...{ hostname: 'one@spec', celery_version: own?.celery_version },
          ...{ pool: 'solo', queues: ['shop'] },
        },
      ]);
    });

    it('ends the command with 0', async () => {
      const { code, output } = await run(DATABASE);
      assert.match(output, /^Workers: one@spec \(Celery 5\.\S+, solo\)\n\nNothing is wrong\.\n$/);
      assert.equal(code, 0);
    });

    it('finds a Redis that evicts', async () => {
      const control = new Redis(redis.url);
      await control.config('SET', 'maxmemory-policy', 'allkeys-lru');
      const { findings } = await examine(DATABASE);
      await control.config('SET', 'maxmemory-policy', 'noeviction');
      control.disconnect();
      assert.deepEqual(checksOf(findings), ['eviction']);
      assert.match(findings[0]?.message ?? '', /allkeys-lru/);
    });

    it('finds a Redis that takes nothing', async () => {
      const control = new Redis(redis.url);
      await control.config('SET', 'maxmemory', '1');
      const { findings } = await examine(DATABASE);
      await control.config('SET', 'maxmemory', '0');
      control.disconnect();
      assert.deepEqual(checksOf(findings), ['workers_unasked']);
      assert.match(findings[0]?.message ?? '', /the message broker is out of memory/);
    });

    it('finds a Redis that forgets', async () => {
      const control = new Redis(redis.url);
      await control.config('SET', 'appendonly', 'no');
      const { findings } = await examine(DATABASE);
      await control.config('SET', 'save', '3600 1');
      const saved = await examine(DATABASE);
      await control.config('SET', 'save', '');
      await control.config('SET', 'appendonly', 'yes');
      control.disconnect();
      assert.deepEqual(checksOf(findings), ['persistence']);
      assert.deepEqual(checksOf(saved.findings), []);
    });

    for (const [right, reason] of [
      ['-lpush', 'the message broker does not permit LPUSH'],
      ['-zscore', 'the message broker does not permit ZSCORE'],
      ['-subscribe', 'the message broker does not permit SUBSCRIBE'],
      ['-multi', 'the message broker does not permit MULTI'],
      ['-discard', 'the message broker does not permit DISCARD'],
      ['resetkeys ~shop* ~_kombu* ~*pidbox ~unacked* ~celery-task-meta-*', 'access to a key'],
    ] as const) {
      it(`finds that a right is missing (${right})`, async () => {
        const control = new Redis(urlOf(DATABASE));
        const rules = ['on', '>hunter2', '~*', '&*', '+@all', ...right.split(' ')];
        await control.call('ACL', 'SETUSER', 'limited', ...rules);
        const service = await startTestService(variables(DATABASE, {}, 'limited:hunter2@'));
        const response = await service.get('/doctor').expect(200);
        const { findings } = response.body as Diagnosis;
        // It has put nothing into a queue, and the service goes on as before.
        assert.equal(await control.llen('shop'), 0);
        await service.get('/result/nobody').expect(200, /"pending"/);
        await service.close();
        await control.call('ACL', 'DELUSER', 'limited');
        control.disconnect();
        assert.deepEqual(checksOf(findings), ['rights']);
        assert.ok(findings[0]?.message.includes(reason), findings[0]?.message);
      });
    }

    it('is content with the user that the documents tell to make', async () => {
      const text = await readFile(join(REPOSITORY, 'docs/operations.md'), 'utf8');
      const [, rules = ''] = /^ACL SETUSER orchestrator (.*)$/m.exec(text) ?? [];
      const control = new Redis(redis.url);
      const words = rules.replace('PASSWORD', 'hunter2').split(' ');
      await control.call('ACL', 'SETUSER', 'orchestrator', ...words);
      const user = 'orchestrator:hunter2@';
      const more = { RATE_LIMIT_PER_MINUTE: '1000' };
      const { findings } = await examine(DATABASE, more, user);
      const service = await startTestService(variables(DATABASE, more, user));
      const body = { task_type: 'shop.invoice', options: { priority: 3 } };
      const keyed = service.post('/assign-task/').set('idempotency-key', 'one').send(body);
      const { task_id: id } = (await keyed.expect(200)).body as { task_id: string };
      await service.get(`/result/${id}?wait=20`).expect(200, /"completed"/);
      const countdown = { ...body, options: { countdown: 600 } };
      const later = await service.post('/assign-task/').send(countdown).expect(200);
      const { task_id: scheduled } = later.body as { task_id: string };
      await service.get(`/tasks/${scheduled}/explain`).expect(200);
      await service
        .post(`/tasks/${scheduled}/revoke`)
        .send({})
        .expect(200, /"workers":1/);
      await service.get('/queues/').expect(200);
      await service.get('/metrics').expect(200, /queue/);
      await service.close();
      await control.call('ACL', 'DELUSER', 'orchestrator');
      control.disconnect();
      assert.deepEqual(findings, []);
      assert.deepEqual(
        service.lines.filter(({ level }) => ['warning', 'error', 'critical'].includes(level)),
        [],
      );
    });

    it('shares an examination among those who ask at once', async () => {
      const service = await startTestService(variables(DATABASE));
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => service.get('/doctor').expect(200)),
      );
      await service.close();
      assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
    });
  });

  for (const [index, { fault, check, message, mend, variables: more, of }] of CASES.entries()) {
    it(`finds ${fault}, and nothing else`, async () => {
      const { healthy, findings } = await examine(FIRST_DATABASE + index, more);
      assert.deepEqual(checksOf(findings), [check], JSON.stringify(findings));
      assert.equal(healthy, false);
      assert.match(findings[0]?.message ?? '', message);
      assert.match(findings[0]?.mend ?? '', mend);
      assert.deepEqual(
        findings[0]?.workers,
        of?.map((name) => `${name}@spec`),
      );
    });
  }

  it('finds workers in another database', async () => {
    const worker = await startExamined(3, {});
    const { findings } = await eventually('it listens', async () => {
      const diagnosis = await examine(2);
      return checksOf(diagnosis.findings).includes('no_workers') ? undefined : diagnosis;
    });
    await worker.stop();
    assert.deepEqual(checksOf(findings), ['other_database']);
    assert.match(findings[0]?.message ?? '', /No worker listens in database 2 .* in database 3\./);
  });

  it('finds a worker that hangs', async () => {
    const [well, hanging] = await Promise.all([startExamined(5, {}, 0), startExamined(5, {}, 1)]);
    // It says that it is ready before it listens.
    await eventually('both listen', async () =>
      (await examine(5)).workers.length === 2 ? true : undefined,
    );
    hanging.send('SIGSTOP');
    const { findings, workers: seen } = await examine(5);
    hanging.send('SIGCONT');
    await Promise.all([well.stop(), hanging.stop()]);
    assert.deepEqual(checksOf(findings), ['silent_workers']);
    assert.match(findings[0]?.message ?? '', /^1 of the 2 workers that listen has told nothing/);
    assert.deepEqual(
      seen.map(({ hostname }) => hostname),
      ['one@spec'],
    );
  });

  it('finds a worker that refuses JSON', async () => {
    const worker = await startExamined(6, { settings: { accept_content: ['pickle'] } });
    const { findings } = await eventually('it listens', async () => {
      const diagnosis = await examine(6);
      return checksOf(diagnosis.findings).includes('no_workers') ? undefined : diagnosis;
    });
    await worker.stop();
    assert.deepEqual(checksOf(findings), ['silent_workers']);
    assert.match(findings[0]?.mend ?? '', /refuse JSON, which their accept_content must have/);
  });

  it('finds workers with another key prefix', async () => {
    const options = { broker_transport_options: { global_keyprefix: 'shop_' } };
    const worker = await startExamined(4, { settings: options });
    const { findings } = await eventually('it listens', async () => {
      const diagnosis = await examine(4, { CELERY_BROKER_GLOBAL_KEYPREFIX: 'shop_' });
      return diagnosis.workers.length === 1 ? diagnosis : undefined;
    });
    const without = await examine(4);
    await worker.stop();
    assert.deepEqual(checksOf(without.findings), ['other_key_prefix']);
    assert.match(without.findings[0]?.mend ?? '', /CELERY_BROKER_GLOBAL_KEYPREFIX.*: shop_\.$/);
    assert.deepEqual(findings, []);
  });

  it('finds that Redis is away', async () => {
    const { findings } = await examine(1, { REDIS_URL: 'redis://127.0.0.1:1/0' });
    assert.deepEqual(checksOf(findings), ['redis_unreachable']);
  });

  it('ends the command with 1, and prints JSON if it is to', async () => {
    const plain = await run(9);
    assert.equal(plain.code, 1);
    assert.match(plain.output, /^Workers: none\n\n1\. no_workers\n {3}No worker listens/);
    const { code, output } = await run(9, '--json');
    assert.equal(code, 1);
    assert.deepEqual(checksOf((JSON.parse(output) as Diagnosis).findings), ['no_workers']);
  });
});

function checksOf(findings: readonly Finding[]): string[] {
  return findings.map(({ check }) => check);
}
