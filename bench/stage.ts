import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

import type { PythonEnvironment } from '../stack/python.js';
import { startRedis } from '../stack/redis.js';
import type { Release } from '../stack/releasers.js';
import { STORED_RESULTS } from './cases.js';
import {
  startContender,
  type Contender,
  type StartedName,
  type ContenderOptions,
} from './contenders.js';
import { startGenerator, type Generator } from './generator.js';

/** Everything that a measurement needs, all of it on 127.0.0.1 and ours alone. */
export interface Stage {
  python: PythonEnvironment;
  redis: Redis;
  /** Of Redis's process group. */
  redisLeader: () => number;
  generator: Generator;
  start: (
    name: StartedName,
    options?: Pick<ContenderOptions, 'variables' | 'nodeArguments' | 'checkout'>,
  ) => Promise<Contender>;
}

/** The only queue that the cases' tasks go to. */
export const QUEUE = 'worker_queue';

/**
 * Opens the stage.
 *
 * @param python with the peer's packages, if the peer is to be started
 * @param releaseLater is handed what to undo
 * @param goPeer the program of the peer in Go, if that is to be started
 */
export async function openStage(
  python: PythonEnvironment,
  releaseLater: (release: Release) => void,
  goPeer?: string,
): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  process.on('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  const server = await startRedis({
    environment: process.env,
    python: python.python,
    directory: await mkdtemp(join(folder, 'redis-')),
  });
  releaseLater(server.stop);
  const redis = new Redis(server.port, '127.0.0.1');
  releaseLater(async () => {
    await redis.quit();
  });
  await redis.mset(...STORED_RESULTS.flat());
  const generator = startGenerator();
  releaseLater(generator.stop);
  return {
    python,
    redis,
    redisLeader: () => server.process().pid,
    generator,
    start: async (name, options) => {
      const contender = await startContender(name, {
        redisUrl: server.url,
        python,
        goPeer,
        folder: await mkdtemp(join(folder, `${name}-`)),
        ...options,
      });
      releaseLater(contender.stop);
      return contender;
    },
  };
}
