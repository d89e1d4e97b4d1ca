import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { ConfigError, readConfig } from './config.js';
import { ContractError } from './contract/contract.js';
import { openLog, withoutCredentials } from './log.js';
import { startService } from './service.js';

const DEFAULT_LOG_FILE = fileURLToPath(new URL('../../logs/automation.log', import.meta.url));

/** How long the last lines of the log may take to reach its file. */
const LAST_WORDS_MS = 1_000;

async function main(): Promise<void> {
  const environment = { ...readEnvironmentFile('.env'), ...process.env };
  const config = readConfig(environment, DEFAULT_LOG_FILE);
  const { log, close: closeLog } = openLog({
    level: config.logLevel,
    file: config.logFile,
    console: { stream: process.stdout, format: process.stdout.isTTY ? 'readable' : 'json' },
  });
  process.stdout.on('error', () => {
    // A reader of the console that went away must not stop the service.
  });
  // A rejection that nothing handles comes here too. What state it has left is not known: to end is safe.
  process.once('uncaughtException', (error: unknown) => {
    const stack = error instanceof Error ? error.stack : String(error);
    log.critical('Stopping after an error that nothing handles', { stack });
    const end = () => process.exit(1);
    setTimeout(end, LAST_WORDS_MS);
    process.on('uncaughtException', end);
    void closeLog().then(end);
  });

  // Listened to before anything starts: process 1 of a container ignores a signal that it doesn't handle.
  const stopSignal = untilStopSignal();
  try {
    const service = await startService(config, log);
    log.info('Listening', { host: config.host, port: service.port, root_path: config.rootPath });
    log.info('Stopping: finishing what is in flight', { signal: await stopSignal });
    await service.close();
    log.info('Stopped');
  } finally {
    await closeLog();
  }
}

/** Resolves at the first SIGTERM or SIGINT. The second one ends the process at once. */
function untilStopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let stopping = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (stopping) {
        process.exit(1);
      }
      stopping = true;
      resolve(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

function readEnvironmentFile(path: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return {};
    }
    throw new ConfigError([`The file ${path} can't be read: ${(error as Error).message}`]);
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof ContractError) {
    return error.message;
  }
  if (!(error instanceof Error)) {
    return String(error);
  }
  const { syscall, code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return `${error.message}\nStop what uses this port, or choose another with FASTAPI_PORT.`;
  }
  if (syscall === 'listen' || syscall === 'getaddrinfo') {
    return `${error.message}\nCheck FASTAPI_HOST and FASTAPI_PORT.`;
  }
  return error.stack ?? error.message;
}

main().catch((error: unknown) => {
  process.stderr.write(`${withoutCredentials(explain(error))}\n`);
  process.exitCode = 1;
});
