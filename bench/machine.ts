import { cpus, release, totalmem, type } from 'node:os';

import type { Stage } from './stage.js';

/** Where and with what it was measured. */
export interface Machine {
  processor: string;
  cores: number;
  memoryGigabytes: number;
  kernel: string;
  node: string;
  python: string;
  redis: string;
}

export async function describeMachine({ python, redis }: Stage): Promise<Machine> {
  const information = await redis.info('server');
  const version = (field: string): string | undefined =>
    new RegExp(`^${field}:(.*?)\r?$`, 'm').exec(information)?.[1];
  const valkey = version('valkey_version');
  return {
    processor: cpus()[0]?.model ?? 'unknown processor',
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 1e9),
    kernel: `${type()} ${release()}`,
    node: process.versions.node,
    python: python.version,
    redis: valkey === undefined ? `Redis ${version('redis_version')}` : `Valkey ${valkey}`,
  };
}

/** The machine in one line. */
export function machineText(machine: Machine): string {
  const { processor, cores, memoryGigabytes, kernel, node, python, redis } = machine;
  return (
    `${processor}, ${cores} cores, ${memoryGigabytes} GB, ${kernel}, ` +
    `Node.js ${node}, Python ${python}, ${redis}`
  );
}
