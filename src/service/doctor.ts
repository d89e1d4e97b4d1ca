import { setTimeout as delay } from 'node:timers/promises';
import { findOtherListeners, type OtherListeners } from '../celery/fleet/otherListeners.js';
import { createBroadcast } from '../celery/fleet/control.js';
import { neededCommands } from '../celery/fleet/neededRights.js';
import type { Heartbeats } from '../celery/fleet/heartbeats.js';
import { createSettingsReader, type FleetSettings } from '../celery/fleet/workerSettings.js';
import { keyPrefixOf } from '../celery/results/results.js';
import { taskSentChannel } from '../celery/wire/events.js';
import { createTaskTypes, type RoutedTask } from '../celery/wire/routing.js';
import type { Config } from '../config/config.js';
import { parseRedisUrl } from '../config/redisUrl.js';
import type { Contract } from '../contract/contract.js';
import { diagnosisOf, type Diagnosis } from '../operations/doctor/diagnosis.js';
import type { StoreFacts } from '../operations/doctor/facts.js';
import type { ReadDatabase } from '../operations/doctor/resultChecks.js';
import type { Connection } from '../redis/connection.js';
import { readServerFacts, refusedCommands, type CommandText } from '../redis/serverFacts.js';
import type { LaterConnection } from '../redis/open.js';

/** A little more than the two seconds between a worker's heartbeats (celery/worker/heartbeat.py). */
const HEARTBEAT_MS = 2_500;
const LOOK_EACH_MS = 25;

/** How long a server may take for each question, in milliseconds. */
const PATIENCE_MS = 2_000;

/** Returns the function that examines the fleet. It never rejects because of Redis or of workers. */
export function createDoctor(
  config: Config,
  parts: {
    contract: Contract;
    backend: Connection;
    control: LaterConnection;
    heartbeats: Heartbeats;
    route: (taskType: string) => RoutedTask;
    /** The queues that tasks are sent to. */
    queues: () => readonly string[];
  },
): () => Promise<Diagnosis> {
  const { contract, backend, control, heartbeats, route, queues } = parts;
  const { redis, tasks } = config;
  const { address, ...naming } = redis.broker;
  const place = { ...naming, database: address.database };
  const readSettings = createSettingsReader(createBroadcast(control.get, place));
  const resultKey = `${keyPrefixOf(redis.backend.keyPrefix)}doctor`;

  const readBroker = (): Promise<StoreFacts> =>
    readStore(
      control.get(),
      neededCommands({ ...place, queues: queues(), sendsEvents: tasks.sending.sendsEvents }),
      `${place.keyPrefix}${taskSentChannel(place.database)}`,
    );
  const readElsewhere = async (): Promise<OtherListeners | undefined> => {
    const found = await findOtherListeners(control.get(), place, PATIENCE_MS);
    return 'value' in found ? found.value : undefined;
  };

  return async () => {
    heartbeats.listen();
    const end = performance.now() + HEARTBEAT_MS;
    await Promise.all([control.get(), backend].map((one) => one.untilReady(PATIENCE_MS)));
    const [broker, store, settings] = await Promise.all([
      readBroker(),
      readStore(backend, [['get', resultKey]], resultKey),
      readSettings(),
    ]);
    const fleet = 'value' in settings ? settings.value : undefined;
    return diagnosisOf(
      {
        ...{ broker, backend: store, fleet },
        unasked: 'reason' in settings ? settings.reason : undefined,
        elsewhere: fleet?.listeners === 0 ? await readElsewhere() : undefined,
        clocks: await readClocks(heartbeats, fleet, end),
        service: {
          broker: { label: address.label, ...place },
          backend: {
            label: redis.backend.address.label,
            database: redis.backend.address.database,
            keyPrefix: redis.backend.keyPrefix,
          },
          queue: tasks.routing.routes.some(({ pattern }) => pattern === '*')
            ? undefined
            : tasks.routing.queue,
          routeOf: route,
          taskTypeOf: createTaskTypes(tasks.routing, route),
          described: tasks.files && [...contract.tasks.keys()],
          visibilityTimeoutSeconds: tasks.visibilityTimeoutSeconds,
        },
      },
      readDatabase,
    );
  };
}

/** Waits until each worker has been heard, or until `end`; gives how far the clocks of those are from this one, in seconds. */
async function readClocks(
  heartbeats: Heartbeats,
  fleet: FleetSettings | undefined,
  end: number,
): Promise<Map<string, number>> {
  const hostnames = (fleet?.workers ?? []).map(({ hostname }) => hostname);
  const isUnheard = (hostname: string): boolean => heartbeats.of(hostname) === undefined;
  while (hostnames.some(isUnheard) && performance.now() < end) {
    await delay(LOOK_EACH_MS);
  }
  return new Map(
    hostnames.flatMap((hostname) => {
      const heard = heartbeats.of(hostname);
      return heard?.timestamp === undefined
        ? []
        : [[hostname, heard.timestamp - heard.heardAt / 1_000] as const];
    }),
  );
}

async function readStore(
  connection: Connection,
  commands: readonly CommandText[],
  channel: string,
): Promise<StoreFacts> {
  const server = await readServerFacts(connection, PATIENCE_MS);
  if ('reason' in server) {
    return { server, refused: [] };
  }
  const refused = await refusedCommands(connection, commands, channel, PATIENCE_MS);
  return { server, refused: 'value' in refused ? refused.value : [refused.reason] };
}

/** @param url with passwords masked, and files of certificates that are on the workers' hosts */
const readDatabase: ReadDatabase = (url) => {
  const isTls = url.startsWith('rediss:');
  try {
    return parseRedisUrl(isTls ? (url.split('?')[0] ?? '') : url).database;
  } catch {
    return undefined;
  }
};
