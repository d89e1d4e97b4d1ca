import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findFreePort } from '../../../stack/ports.js';
import { startProcess, untilReady } from '../../../stack/process.js';
import { findRedis, type RedisServer } from '../../../stack/redis.js';
import { eventually } from '../eventually.js';
import { theFleet } from '../fleet.js';
import { openControl, startOwnRedis, type Stage } from './stage.js';

const HOST = '127.0.0.1';
const MASTER_NAME = 'mymaster';
const SENTINELS = 3;
const REPLICAS = 2;
/** Sentinels introduce themselves to each other every two seconds. */
const DISCOVERY_DEADLINE_MS = 30_000;

/** A master, two replicas and three Sentinels. */
export interface SentinelSet {
  /** What REDIS_URL says of it. */
  url: string;
  masterName: string;
  /** The first master. */
  master: RedisServer;
  /** From now on, the first master goes on without its replicas: they can't follow it any more. */
  cutOffReplicas: () => Promise<void>;
  orderFailover: () => Promise<void>;
  /** Waits until the Sentinels name another master than the first, and gives its URL. */
  untilOtherMaster: () => Promise<string>;
  /** Waits until so many replicas follow the master of the moment. */
  untilReplicasFollow: (count: number) => Promise<void>;
}

export async function startSentinelSet(releaseLater: Stage['releaseLater']): Promise<SentinelSet> {
  // A new master may have to send its replicas everything, and would wait five seconds for more of them.
  const settings = ['--repl-diskless-sync-delay', '0'];
  const master = await startOwnRedis(releaseLater, settings);
  for (let replica = 0; replica < REPLICAS; replica++) {
    await startOwnRedis(releaseLater, ['--replicaof', HOST, String(master.port), ...settings]);
  }
  const first = await startSentinel(master.port, releaseLater);
  const sentinels = [first];
  while (sentinels.length < SENTINELS) {
    sentinels.push(await startSentinel(master.port, releaseLater));
  }
  const masterUrl = async (): Promise<string> => {
    const address = (await first.call(
      'SENTINEL',
      'GET-MASTER-ADDR-BY-NAME',
      MASTER_NAME,
    )) as string[];
    return `redis://${address.join(':')}/0`;
  };
  const untilReplicasFollow = async (count: number): Promise<void> => {
    const url = await masterUrl();
    await eventually(
      `${count} replicas follow ${url}`,
      async () => ((await countOnline(url)) >= count ? true : undefined),
      DISCOVERY_DEADLINE_MS,
    );
  };
  await untilReplicasFollow(REPLICAS);
  await eventually(
    'the Sentinels know each other and the replicas',
    async () => ((await Promise.all(sentinels.map(knowsAll))).every(Boolean) ? true : undefined),
    DISCOVERY_DEADLINE_MS,
  );
  return {
    url: sentinels.map(({ options }) => `sentinel://${HOST}:${options.port}/0`).join(';'),
    masterName: MASTER_NAME,
    master,
    cutOffReplicas: async () => {
      const control = openControl(master.url, releaseLater);
      await control.call('ACL', 'SETUSER', 'default', '-psync', '-sync');
      await control.call('CLIENT', 'KILL', 'TYPE', 'replica');
    },
    orderFailover: async () => {
      await first.call('SENTINEL', 'FAILOVER', MASTER_NAME);
    },
    untilOtherMaster: () =>
      eventually(
        'another master',
        async () => {
          const url = await masterUrl();
          return url === master.url ? undefined : url;
        },
        DISCOVERY_DEADLINE_MS,
      ),
    untilReplicasFollow,
  };
}

/** Gives a client of it. */
async function startSentinel(
  masterPort: number,
  releaseLater: Stage['releaseLater'],
): Promise<Redis> {
  const environment = process.env;
  const command = await findRedis({ environment, python: theFleet().python.python });
  const directory = await mkdtemp(join(tmpdir(), 'sentinel-'));
  releaseLater(() => rm(directory, { recursive: true, force: true }));
  const port = await findFreePort();
  // Sentinel keeps what it finds out in its configuration file, and doesn't start without one.
  const file = join(directory, 'sentinel.conf');
  const lines = [
    `bind ${HOST}`,
    `port ${port}`,
    `dir ${directory}`,
    `sentinel monitor ${MASTER_NAME} ${HOST} ${masterPort} 2`,
    // A new master is first pinged a ping's period after its election: much less than this, or it is taken for down at once.
    `sentinel down-after-milliseconds ${MASTER_NAME} 1500`,
    `sentinel failover-timeout ${MASTER_NAME} 3000`,
    `sentinel parallel-syncs ${MASTER_NAME} 2`,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const running = await startProcess({
    name: 'Sentinel',
    command,
    arguments: [file, '--sentinel'],
    environment,
    folder: directory,
  });
  releaseLater(() => running.stop());
  const client = openControl(`redis://${HOST}:${port}`, releaseLater);
  await untilReady(running, { isReady: () => client.status === 'ready', deadlineMs: 15_000 });
  const periods = [
    ['INFO-PERIOD', '1000'],
    ['PING-PERIOD', '250'],
    ['PUBLISH-PERIOD', '500'],
    ['ASK-PERIOD', '500'],
  ];
  await client.call('SENTINEL', 'DEBUG', ...periods.flat()).catch(() => {
    // Sentinels before Redis 7 have fixed periods: with them, all of this takes a few seconds more.
  });
  return client;
}

async function knowsAll(sentinel: Redis): Promise<boolean> {
  const fields = (await sentinel.call('SENTINEL', 'MASTER', MASTER_NAME)) as string[];
  const field = (name: string): number => Number(fields[fields.indexOf(name) + 1]);
  return field('num-slaves') === REPLICAS && field('num-other-sentinels') === SENTINELS - 1;
}

async function countOnline(url: string): Promise<number> {
  const client = new Redis(url);
  try {
    const information = await client.info('replication');
    return [...information.matchAll(/^(?:slave|replica)\d+:.*state=online/gm)].length;
  } finally {
    client.disconnect();
  }
}
