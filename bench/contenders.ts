import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { findFreePort } from '../stack/ports.js';
import { startProcess, tail, untilReady, type RunningProcess } from '../stack/process.js';
import type { PythonEnvironment } from '../stack/python.js';
import { httpStatus } from '../stack/wait.js';

export const CONTENDERS = ['service', 'peer-sync', 'peer-async', 'peer-go', 'floor'] as const;
export type ContenderName = (typeof CONTENDERS)[number];
/** Also of the app that is only started, to time its start. */
export type StartedName = ContenderName | 'bare-express';

export interface Contender {
  name: StartedName;
  port: number;
  /** Of the process group that is measured. */
  leader: number;
  /** Whether an assignment puts a message into Redis. */
  assigns: boolean;
  /** How long it took from its start until it answered. */
  startMs: number;
  stop: () => Promise<void>;
}

export interface ContenderOptions {
  redisUrl: string;
  python: PythonEnvironment;
  /** The program of the peer in Go, where it is built. */
  goPeer?: string | undefined;
  /** An empty folder for its files. */
  folder: string;
  /** More variables of its environment. */
  variables?: Readonly<Record<string, string>> | undefined;
  /** More arguments for its Node.js, such as --cpu-prof. */
  nodeArguments?: readonly string[] | undefined;
  /** The folder of another checkout of the service, which is built. */
  checkout?: string | undefined;
}

const START_DEADLINE_MS = 30_000;
/** How exactly a start is timed. */
const START_INTERVAL_MS = 5;
const BENCH = new URL('./', import.meta.url);
const CHECKOUT = fileURLToPath(new URL('../../', BENCH));
const FLOOR = fileURLToPath(new URL('./floor.js', BENCH));
const BARE_EXPRESS = fileURLToPath(new URL('./bareExpress.js', BENCH));
/** From dist/bench/. */
const PEER_FOLDER = fileURLToPath(new URL('../../bench/peer-fastapi/', BENCH));

export { PEER_FOLDER };

/** Starts one contender on a free port and waits until it answers. */
export async function startContender(
  name: StartedName,
  options: ContenderOptions,
): Promise<Contender> {
  const port = await findFreePort();
  const startedAt = performance.now();
  const running = await startQuietly(name, launchOf(name, port, options), options);
  // The peers have no route that answers without Redis.
  const path = name === 'service' ? '/health/live' : '/health';
  const isReady = async (): Promise<boolean> =>
    (await httpStatus(`http://127.0.0.1:${port}${path}`)) === 200;
  try {
    await untilReady(running, {
      isReady,
      intervalMs: START_INTERVAL_MS,
      deadlineMs: START_DEADLINE_MS,
    });
  } catch (error) {
    const lines = (await readFile(consoleOf(options.folder), 'utf8')).split('\n');
    throw new Error(`${name} does not start.${tail(lines)}`, { cause: error });
  }
  const startMs = performance.now() - startedAt;
  return {
    name,
    port,
    leader: running.pid,
    assigns: name !== 'floor' && name !== 'bare-express',
    startMs,
    stop: () => running.stop(),
  };
}

interface Launch {
  command: string;
  arguments: readonly string[];
  environment: NodeJS.ProcessEnv;
  folder: string;
}

/** Each with its defaults: everything that it can do is switched on. */
function launchOf(name: StartedName, port: number, options: ContenderOptions): Launch {
  const { redisUrl, python, goPeer, folder, variables } = options;
  const { nodeArguments = [], checkout = CHECKOUT } = options;
  const environment = {
    PATH: process.env.PATH,
    REDIS_URL: redisUrl,
    LOG_FILE: join(folder, 'automation.log'),
    ...variables,
  };
  switch (name) {
    case 'service':
      return {
        command: process.execPath,
        arguments: [...nodeArguments, ...startArguments(checkout)],
        environment: { ...environment, FASTAPI_HOST: '127.0.0.1', FASTAPI_PORT: String(port) },
        // So that no file .env of the checkout is read.
        folder,
      };
    case 'floor':
    case 'bare-express':
      return {
        command: process.execPath,
        arguments: [...nodeArguments, name === 'floor' ? FLOOR : BARE_EXPRESS, String(port)],
        environment,
        folder,
      };
    case 'peer-go':
      if (goPeer === undefined) throw new Error('The peer in Go is not built');
      return {
        command: goPeer,
        arguments: [],
        environment: { REDIS_ADDRESS: new URL(redisUrl).host, PORT: String(port) },
        folder,
      };
    case 'peer-sync':
    case 'peer-async':
      return {
        command: python.binary('uvicorn'),
        // Its own line for each request would come on top of the one that the peer writes.
        arguments: [
          ...['peer:app', '--host', '127.0.0.1', '--port', String(port)],
          ...['--loop', 'uvloop', '--http', 'httptools', '--no-access-log'],
        ],
        environment: { ...environment, PEER_FORM: name.slice('peer-'.length) },
        folder: PEER_FOLDER,
      };
  }
}

/** The arguments for Node.js of a checkout's `npm start`. */
function startArguments(checkout: string): string[] {
  const file = readFileSync(join(checkout, 'package.json'), 'utf8');
  const { scripts } = JSON.parse(file) as { scripts: { start: string } };
  const [, ...words] = scripts.start.split(' ');
  return words.map((word) => (word.startsWith('--') ? word : join(checkout, word)));
}

// As in a container, the console is a pipe, which another process empties. Nothing of it passes through
// this process, which would cost the load a part of its CPU.
const WITH_CONSOLE_AS_PIPE =
  'pipe=$1 file=$2; shift 2; mkfifo "$pipe" && { cat "$pipe" >"$file" & exec "$@" >"$pipe" 2>&1; }';

function startQuietly(
  name: string,
  launch: Launch,
  options: ContenderOptions,
): Promise<RunningProcess> {
  const pipe = join(options.folder, 'console.pipe');
  return startProcess({
    name,
    command: '/bin/sh',
    arguments: [
      ...['-c', WITH_CONSOLE_AS_PIPE, 'sh', pipe, consoleOf(options.folder)],
      ...[launch.command, ...launch.arguments],
    ],
    environment: launch.environment,
    folder: launch.folder,
  });
}

function consoleOf(folder: string): string {
  return join(folder, 'console.log');
}
