import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { readConfig } from '../../src/config/config.js';
import { REPOSITORY } from '../support/fleet.js';

interface Service {
  profiles?: string[];
  environment?: Record<string, string | number | null>;
  depends_on?: Record<string, unknown> | string[];
  stop_grace_period?: string;
  scale?: string;
  volumes?: string[];
}

/** What the file decides itself, or leaves as it is. */
const FIXED = [
  ...['REDIS_URL', 'CELERY_BROKER_URL', 'CELERY_RESULT_BACKEND', 'REDIS_MASTER_NAME'],
  ...['REDIS_SENTINEL_USERNAME', 'REDIS_SENTINEL_PASSWORD'],
  ...['CELERY_BROKER_GLOBAL_KEYPREFIX', 'CELERY_RESULT_GLOBAL_KEYPREFIX'],
  ...['CELERY_BROKER_PRIORITY_STEPS', 'CELERY_BROKER_SEP'],
  ...['FASTAPI_HOST', 'FASTAPI_PORT', 'LOG_FILE'],
];

const { services, volumes } = parse(readFileSync(`${REPOSITORY}docker-compose.yml`, 'utf8'), {
  merge: true,
}) as { services: Record<string, Service>; volumes: Record<string, unknown> };

/** A value with nothing set outside: its default. */
function withDefaults(value: string): string {
  return value.replace(/\$\{\w+:-(.*?)\}/g, '$1');
}

function environmentOf(name: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(services[name]?.environment ?? {}).map(([variable, value]) => [
      variable,
      withDefaults(String(value ?? '')),
    ]),
  );
}

describe('docker-compose.yml', () => {
  it('hands the service every variable that it does not decide itself', () => {
    const template = readFileSync(`${REPOSITORY}.env.template`, 'utf8');
    const variables = [...template.matchAll(/^([A-Z_]+)=/gm)].map(([, name = '']) => name);
    const handed = environmentOf('orchestrator');
    assert.ok(variables.length > 50);
    assert.deepEqual(
      variables.filter((name) => !FIXED.includes(name) && !(name in handed)),
      [],
    );
  });

  it('starts by default what needs no other profile', () => {
    const byDefault = Object.entries(services).filter(([, { profiles }]) => !profiles);
    const names = byDefault.map(([name]) => name);
    assert.deepEqual(names, ['redis', 'orchestrator', 'worker', 'flower']);
    for (const [, { depends_on: needed = {} }] of byDefault) {
      const others = Array.isArray(needed) ? needed : Object.keys(needed);
      assert.deepEqual(
        others.filter((name) => !names.includes(name)),
        [],
      );
    }
  });

  it('has as many workers as WORKER_REPLICAS says, whichever command brings them up', () => {
    for (const name of ['worker', 'worker-sentinel']) {
      assert.equal(services[name]?.scale, '${WORKER_REPLICAS:-1}', name);
    }
  });

  it('has a profile in which the service and a worker ask sentinels of this file for their Redis', () => {
    const members = Object.entries(services).filter(([, { profiles }]) =>
      profiles?.includes('sentinel'),
    );
    const names = members.map(([name]) => name);
    for (const name of ['orchestrator-sentinel', 'worker-sentinel']) {
      const environment = environmentOf(name);
      const { broker, sentinel } = readConfig(environment, 'none').redis;
      const sentinels = broker.address.options.sentinels ?? [];
      assert.equal(sentinels.length, 3);
      for (const { host = '' } of sentinels) {
        assert.ok(names.includes(host), host);
        const { CONFIGURATION: configuration = '' } = environmentOf(host);
        const [, master = '', address = ''] =
          /^sentinel monitor (\S+) (\S+) 6379 2$/m.exec(configuration) ?? [];
        assert.equal(master, sentinel.masterName);
        assert.ok(names.includes(address), address);
      }
    }
    for (const [name, { depends_on: needed = {} }] of members) {
      for (const other of Object.keys(needed)) {
        assert.ok(names.includes(other), `${name} needs ${other}`);
      }
    }
  });

  it('keeps what a failover changes in a volume of each Redis and sentinel, which `down` leaves', () => {
    const changing = Object.keys(services).filter((name) => environmentOf(name).CONFIGURATION);
    assert.equal(changing.length, 5);
    const used = changing.map((name) => {
      const mounts = services[name]?.volumes ?? [];
      const [, volume = ''] =
        mounts.map((mount) => /^([\w-]+):\/data$/.exec(mount)).find(Boolean) ?? [];
      assert.ok(volume in volumes, `${name}: /data is in no volume that has a name`);
      return volume;
    });
    assert.equal(new Set(used).size, changing.length);
  });

  it('waits longer for the end of a container than the service takes', () => {
    for (const name of ['orchestrator', 'orchestrator-sentinel']) {
      const { tasks, results, process } = readConfig(environmentOf(name), 'none');
      const { shutdownDelayMs, shutdownTimeoutMs } = process;
      assert.ok(shutdownTimeoutMs > Math.max(tasks.timeoutMs, results.timeoutMs), name);
      const period = services[name]?.stop_grace_period ?? '';
      assert.match(period, /^\$\{STOP_GRACE_PERIOD:-/, 'it follows no longer SHUTDOWN_TIMEOUT_MS');
      const grace = Number(/^(\d+)s$/.exec(withDefaults(period))?.[1]);
      assert.ok(grace * 1000 >= shutdownDelayMs + shutdownTimeoutMs + 5_000, name);
    }
  });
});
