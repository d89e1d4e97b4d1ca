import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { helpText, readCommandLine } from './config/commandLine.js';
import { ConfigError, readConfig, type Config } from './config/config.js';
import { readEnvironmentFile } from './config/environmentFile.js';
import { ContractError } from './contract/contract.js';
import { withoutCredentials } from './log/lines.js';
import { openLog } from './log/log.js';
import { additionalTransports } from './log/transports.js';
import { PACKAGE_FOLDER } from './packageFolder.js';
import { joinPrimary } from './processes/primary.js';
import { ProcessFailure, startProcesses } from './processes/processes.js';
import { killWorkers } from './processes/worker.js';
import { startService, type Service } from './service/service.js';

/** npm's own folders are no place for a log. */
const DEFAULT_LOG_FILE = PACKAGE_FOLDER.pathname.includes('/node_modules/')
  ? 'none'
  : fileURLToPath(new URL('logs/automation.log', PACKAGE_FOLDER));

/** How long the last lines of the log may take to reach its file. */
const LAST_WORDS_MS = 1_000;

const primary = joinPrimary(process.argv);

async function main(): Promise<void> {
  // Listened to before anything starts: process 1 of a container ignores a signal that it doesn't handle.
  const stopSignal = untilStopSignal();
  const commandLine = primary === undefined ? readCommandLine(process.argv.slice(2)) : undefined;
  if (commandLine?.asks === 'help' || commandLine?.asks === 'version') {
    const isHelp = commandLine.asks === 'help';
    process.stdout.write(isHelp ? helpText(textOf('.env.template')) : version());
    return;
  }
  const config = await (primary === undefined
    ? readConfiguration(commandLine?.variables)
    : primary.config);
  if (commandLine?.asks === 'doctor') {
    void stopSignal.then(() => process.exit(1));
    const { examineOnce } = await import('./service/examination.js');
    const { text, isHealthy } = await examineOnce(config, commandLine.isJson ? 'json' : 'text');
    process.stdout.write(text);
    process.exitCode = isHealthy ? 0 : 1;
    return;
  }
  const opened = openLog({
    level: config.log.level,
    console: process.stdout.isTTY ? 'readable' : 'json',
    // The primary process has the file and the transports, and hands its workers' lines to them.
    ...(primary === undefined
      ? { file: config.log.file, transports: additionalTransports() }
      : { file: undefined, fields: { pid: process.pid } }),
  });
  const { log } = opened;
  process.stdout.on('error', () => {
    // The service goes on without a console: its reader has gone away, or its disk is full.
  });
  // Node.js raises unhandled rejections here too. The state they leave is unknown, so the process ends.
  process.once('uncaughtException', (error: unknown) => {
    const stack = error instanceof Error ? error.stack : String(error);
    log.critical('Stopping after an error that nothing handles', { stack });
    const end = () => process.exit(1);
    setTimeout(end, LAST_WORDS_MS);
    process.on('uncaughtException', end);
    void opened.close().then(end);
  });

  if (primary === undefined && config.misspelt.length > 0) {
    log.warning('Variables that have no effect may be misspelt', {
      variables: config.misspelt.join(', '),
    });
  }
  const { host, rootPath, apiKeys } = config.http;
  const processes = config.process.count;
  // The primary logs the start and the stop for all of its workers.
  const tell = primary === undefined ? log.info : log.debug;
  try {
    const starting =
      processes === 1
        ? startService(config, log, { metricsExchange: primary?.metrics })
        : startProcesses(config, { ...opened, stopSignal });
    reloadOnHangUp(starting);
    const service = await starting;
    tell('Listening', {
      ...{ host, port: service.port, root_path: rootPath, api_keys: apiKeys.length },
      processes: processes === 1 ? undefined : processes,
    });
    const signal = await Promise.race([stopSignal, ...(primary ? [primary.stopped] : [])]);
    tell('Stopping: finishing what is in flight', { signal });
    await service.close();
    tell('Stopped');
  } finally {
    await opened.close();
  }
}

/** Resolves at the first SIGTERM or SIGINT. The second one ends the process at once, and its workers. */
function untilStopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let stopping = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (stopping) {
        killWorkers();
        process.exit(1);
      }
      stopping = true;
      resolve(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

/**
 * Reads the tasks files again at each SIGHUP, one time after the other. From a terminal, SIGHUP says that it is closed:
 * there it ends the process, as ever.
 */
function reloadOnHangUp(starting: Promise<Service>): void {
  let last: Promise<unknown> = starting;
  const reload = (): void => {
    last = last.then(async () => (await starting).reload()).catch(() => undefined);
  };
  primary?.onReload(reload);
  if (!process.stdin.isTTY && !process.stdout.isTTY) {
    process.on('SIGHUP', reload);
  }
}

function readConfiguration(flags: Readonly<Record<string, string>> = {}): Config {
  const file = readEnvironmentFile('.env');
  const environment = { ...file, ...process.env, ...flags };
  for (const [name, value] of Object.entries(environment)) {
    // OpenTelemetry reads its variables itself; workers inherit them.
    if (name.startsWith('OTEL_')) {
      process.env[name] = value;
    }
  }
  return readConfig(environment, DEFAULT_LOG_FILE);
}

/** The text of a file that comes with the program. */
function textOf(name: string): string {
  return readFileSync(new URL(name, PACKAGE_FOLDER), 'utf8');
}

function version(): string {
  return `${(JSON.parse(textOf('package.json')) as { version: string }).version}\n`;
}

function explain(error: unknown): string {
  if (
    error instanceof ConfigError ||
    error instanceof ContractError ||
    error instanceof ProcessFailure
  ) {
    return error.message;
  }
  if (!(error instanceof Error)) {
    return String(error);
  }
  const { syscall, code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return `${error.message}\nStop what uses this port, or choose another with FASTAPI_PORT.`;
  }
  if (['listen', 'bind', 'getaddrinfo'].includes(syscall ?? '')) {
    return `${error.message}\nCheck FASTAPI_HOST and FASTAPI_PORT.`;
  }
  return error.stack ?? error.message;
}

main()
  .catch((error: unknown) => {
    const reason = withoutCredentials(explain(error));
    if (primary === undefined) {
      process.stderr.write(`${reason}\n`);
    } else {
      primary.fail(reason);
    }
    process.exitCode = 1;
  })
  .finally(() => {
    primary?.leave();
    // A collector of traces that hangs must not keep a process whose service has stopped.
    setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
  });
