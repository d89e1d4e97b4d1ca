import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import { isPassing, refusalReason } from '../../src/redis/failure.js';
import { startRedis, type RedisServer } from '../../stack/redis.js';
import { eventually } from '../support/eventually.js';
import { theFleet } from '../support/fleet.js';
import { startTestService } from '../support/service.js';

/** As Redis 6.2 words the error of a command that a script has called. */
const IN_SCRIPT_OF_6 =
  'ERR Error running script (call to f_0a9f75e991483d02789696e4c90d26c10395863e): @user_script:1: ';
/** What Redis 7 writes behind such an error, and what Valkey writes there. */
const IN_SCRIPT_OF_7 = ' script: 0a9f75e991483d02789696e4c90d26c10395863e, on @user_script:12.';
const IN_SCRIPT_OF_VALKEY = ' script: on @user_script:1.';

const READONLY = "READONLY You can't write against a read only replica.";
const OOM = "OOM command not allowed when used memory > 'maxmemory'.";
const NOREPLICAS = 'NOREPLICAS Not enough good replicas to write.';
const LOADING = 'LOADING Redis is loading the dataset in memory';
const MASTERDOWN =
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
const WRONGTYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value';
const MISCONF_BEGINS = 'MISCONF Redis is configured to save RDB snapshots, but it';
const MISCONF_ENDS =
  'Commands that may modify the data set are disabled, because this instance is configured to report ' +
  'errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check ' +
  'the Redis logs for details about the RDB error.';
const MISCONF_OF_6 = `${MISCONF_BEGINS} is currently not able to persist on disk. ${MISCONF_ENDS}`;
const MISCONF_OF_7 = `${MISCONF_BEGINS}'s currently unable to persist to disk. ${MISCONF_ENDS}`;

const REPLICA = 'is a read-only replica';
const NO_MEMORY = 'is out of memory';
const TOO_FEW = 'has too few replicas';
const NO_DISK = "can't save to its disk";
const LOADS = 'is loading its data';
const NO_MASTER = 'has lost its master';
const BUSY = 'is busy with a script';
const FORBIDDEN = 'does not permit it';
const NO_KEY = 'does not permit access to a key';
const NO_CHANNEL = 'does not permit access to a channel';
const UNKNOWN = 'refused it';

/** The texts of the servers, word for word. */
const REFUSALS: readonly (readonly [
  server: string,
  text: string,
  reason: string,
  isPassing: boolean,
])[] = [
  ['Redis 6.2', `${IN_SCRIPT_OF_6}@user_script: 1: -${READONLY}`, REPLICA, true],
  ['Redis 6.2', `${IN_SCRIPT_OF_6}@user_script: 1: -${OOM}`, NO_MEMORY, false],
  ['Redis 6.2', `${IN_SCRIPT_OF_6}@user_script: 1: -${NOREPLICAS}`, TOO_FEW, false],
  ['Redis 6.2', `${IN_SCRIPT_OF_6}@user_script: 1: -${MISCONF_OF_6}`, NO_DISK, false],
  ['Redis 6.2', `${IN_SCRIPT_OF_6}@user_script: 1: -${LOADING}`, LOADS, true],
  ['Redis 6.2', LOADING, LOADS, true],
  ['Redis 6.2', MASTERDOWN, NO_MASTER, true],
  [
    'Redis 6.2',
    'BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
    BUSY,
    true,
  ],
  [
    'Redis 6.2',
    "NOPERM this user has no permissions to run the 'evalsha' command or its subcommand",
    'does not permit EVALSHA',
    false,
  ],
  ...(
    [
      ["can't run this command or subcommand", FORBIDDEN],
      ["can't access at least one of the keys mentioned in the command arguments", NO_KEY],
      ["can't publish to the channel mentioned in the command", NO_CHANNEL],
    ] as const
  ).flatMap(([what, reason]) => {
    const text = `@user_script: 1: The user executing the script ${what}`;
    return [
      ['Redis 6.2', `${IN_SCRIPT_OF_6}${text}`, reason, false],
      // What a script is given by pcall.
      ['Redis 6.2', text, reason, false],
    ] as const;
  }),
  ['Redis 6.2', `${IN_SCRIPT_OF_6}${WRONGTYPE}`, UNKNOWN, false],
  ['Redis 7', `${READONLY}${IN_SCRIPT_OF_7}`, REPLICA, true],
  ['Redis 7', `${OOM}${IN_SCRIPT_OF_7}`, NO_MEMORY, false],
  ['Redis 7', `${NOREPLICAS}${IN_SCRIPT_OF_7}`, TOO_FEW, false],
  ['Redis 7', `${MISCONF_OF_7}${IN_SCRIPT_OF_7}`, NO_DISK, false],
  ['Redis 7', `ERR ACL failure in script: No permissions to access a channel`, NO_CHANNEL, false],
  [
    'Redis 7',
    `ERR ACL failure in script: No permissions to access a key${IN_SCRIPT_OF_7}`,
    NO_KEY,
    false,
  ],
  ['Redis 7', `${WRONGTYPE}${IN_SCRIPT_OF_7}`, UNKNOWN, false],
  ['Valkey', `${READONLY}${IN_SCRIPT_OF_VALKEY}`, REPLICA, true],
  ['Valkey', `${OOM}${IN_SCRIPT_OF_VALKEY}`, NO_MEMORY, false],
  ['Valkey', MASTERDOWN, NO_MASTER, true],
  [
    'Valkey',
    'BUSY Valkey is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.',
    BUSY,
    true,
  ],
  [
    'Valkey',
    "NOPERM User frontend has no permissions to run the 'evalsha' command",
    'does not permit EVALSHA',
    false,
  ],
  [
    'Valkey',
    "ERR ACL failure in script: User frontend has no permissions to run the 'set' command" +
      IN_SCRIPT_OF_VALKEY,
    'does not permit SET',
    false,
  ],
  ['any server', 'ERR something that nobody has seen yet', UNKNOWN, false],
  ['any server', '', UNKNOWN, false],
];

describe('A refusal', () => {
  for (const [server, text, reason, passing] of REFUSALS) {
    const shown = text.replace(IN_SCRIPT_OF_6, 'ERR Error running script ...: ').slice(0, 120);
    it(`of ${server} is read: '${shown}'`, () => {
      assert.equal(refusalReason(text), reason);
      assert.equal(isPassing(new Error(text)), passing);
    });
  }
});

describe('A user whom Redis does not permit', () => {
  let redis: RedisServer;
  let control: Redis;
  before(async () => {
    redis = await startRedis({ environment: process.env, python: theFleet().python.python });
    control = new Redis(redis.url);
  });
  after(async () => {
    control.disconnect();
    await redis.stop();
  });

  for (const [rules, method, path, told] of [
    [['-eval', '-evalsha'], 'post', '/assign-task/', 'the message broker does not permit EVALSHA'],
    [['-eval'], 'post', '/assign-task/', 'the message broker does not permit EVAL'],
    [['-lpush'], 'post', '/assign-task/', 'the message broker does not permit LPUSH'],
    [
      ['resetkeys', '~orchestrator:*'],
      'post',
      '/assign-task/',
      'the message broker does not permit access to a key',
    ],
    [['-get'], 'get', '/result/a', 'the result backend does not permit GET'],
    [['-sadd'], 'post', '/tasks/a/revoke', 'the message broker does not permit SADD'],
  ] as const) {
    it(`${rules.join(' ')} is told so by ${path}`, async () => {
      const user = ['frontend', 'reset', 'on', '>secret', '~*', '&*', '+@all', ...rules];
      await control.call('ACL', 'SETUSER', ...user);
      await control.script('FLUSH');
      const url = redis.url.replace('//', '//frontend:secret@');
      const service = await startTestService({ REDIS_URL: url });
      try {
        const answer = await (method === 'get'
          ? service.get(path)
          : service.post(path).send(path === '/assign-task/' ? { task_type: 'a' } : {}));
        assert.equal(answer.status, 500);
        assert.ok((answer.body as { message: string }).message.endsWith(`: ${told}`), answer.text);
      } finally {
        await service.close();
      }
    });
  }
});

describe('A refusal that passes', () => {
  it('is waited out by a read of a result, until its time is over', async () => {
    const redis = await startRedis({
      environment: process.env,
      python: theFleet().python.python,
      arguments: ['--lua-time-limit', '10'],
    });
    const service = await startTestService({ REDIS_URL: redis.url, RESULT_TIMEOUT_MS: '1000' });
    const [control, busy] = [new Redis(redis.url), new Redis(redis.url)];
    try {
      const script = busy.eval('while true do end', 0).catch((error: unknown) => error);
      await eventually('Redis is busy', () =>
        control.get('a').then(
          () => undefined,
          (error: unknown) => (error as Error).message.startsWith('BUSY') || undefined,
        ),
      );
      const start = performance.now();
      const answer = await service.get('/result/a').expect(500);
      assert.ok(performance.now() - start > 900);
      assert.equal(
        (answer.body as { message: string }).message,
        'The result could not be retrieved: the result backend is busy with a script',
      );
      await control.script('KILL');
      await script;
      await service.get('/result/a').expect(200);
    } finally {
      await service.close();
      control.disconnect();
      busy.disconnect();
      await redis.stop();
    }
  });
});
