import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess, type RunningProcess } from '../../stack/process.js';
import { SERVICE_PROGRAM } from '../../stack/service.js';
import { eventually } from './eventually.js';
import { REPOSITORY, theFleet } from './fleet.js';

/** The service as a process of its own. */
export interface ServiceProcess {
  url: string;
  /** Where it was started: an empty folder, but for what the caller put there. */
  folder: string;
  process: RunningProcess;
  /** Its log lines so far. */
  lines: () => Record<string, unknown>[];
  /** Ends it if it runs, and removes its folder. */
  close: () => Promise<void>;
}

/**
 * Starts it without waiting for anything. It writes its log to `folder`/logs.
 *
 * @param options.environmentFile the text of a file `.env` in its folder
 * @param options.program another main.js than the one of this checkout
 */
export async function launchService(
  environment: Readonly<Record<string, string>> = {},
  options: { environmentFile?: string | Buffer; program?: string } = {},
): Promise<Omit<ServiceProcess, 'url'>> {
  const folder = await mkdtemp(join(tmpdir(), 'service-'));
  if (options.environmentFile !== undefined) {
    await writeFile(join(folder, '.env'), options.environmentFile);
  }
  const lines: Record<string, unknown>[] = [];
  const running = await startProcess({
    name: 'The service',
    command: process.execPath,
    arguments: [options.program ?? join(REPOSITORY, SERVICE_PROGRAM)],
    environment: {
      PATH: process.env.PATH,
      REDIS_URL: theFleet().redis.url,
      FASTAPI_HOST: '127.0.0.1',
      FASTAPI_PORT: '0',
      LOG_FILE: join(folder, 'logs', 'automation.log'),
      ...environment,
    },
    folder,
    onLine: (line) => {
      if (line.startsWith('{')) {
        lines.push(JSON.parse(line) as Record<string, unknown>);
      }
    },
  });
  return {
    folder,
    process: running,
    lines: () => lines,
    close: async () => {
      await running.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Starts it, as `launchService` does, and waits until it listens. */
export async function startServiceProcess(
  environment: Readonly<Record<string, string>> = {},
  options: Parameters<typeof launchService>[1] = {},
): Promise<ServiceProcess> {
  const launched = await launchService(environment, options);
  try {
    const port = await eventually('the service listens', () => {
      const line = launched.lines().find(({ message }) => message === 'Listening');
      return line?.port as number | undefined;
    });
    return { ...launched, url: `http://127.0.0.1:${port}` };
  } catch (error) {
    const output = launched.process.output().join('\n');
    await launched.close();
    throw new Error(`The service does not listen:\n${output}`, { cause: error });
  }
}
