import { fileURLToPath } from 'node:url';
import { readConfig } from './config.js';
import { openLog, withoutCredentials } from './log.js';
import { startService } from './service.js';

const DEFAULT_LOG_FILE = fileURLToPath(new URL('../../logs/automation.log', import.meta.url));

async function main(): Promise<void> {
  loadEnvironmentFile();
  const config = readConfig(process.env, DEFAULT_LOG_FILE);
  const { log, close: closeLog } = openLog({
    level: config.logLevel,
    file: config.logFile,
    console: process.stdout.isTTY ? 'readable' : 'json',
  });
  process.stdout.on('error', () => {
    // A reader of the console that went away must not stop the service.
  });
  process.on('uncaughtExceptionMonitor', (error) => {
    log.critical('Stopping after an error that nothing handles', { stack: error.stack });
  });

  const service = await startService(config, log).catch(async (error: unknown) => {
    await closeLog();
    throw error;
  });
  log.info('Listening', { host: config.host, port: service.port, root_path: config.rootPath });

  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) {
      process.exit(1);
    }
    stopping = true;
    log.info('Stopping: finishing what is in flight', { signal });
    void service
      .close()
      .then(() => {
        log.info('Stopped');
      })
      .then(closeLog);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** The environment wins over the file `.env` in the current folder. */
function loadEnvironmentFile(): void {
  try {
    process.loadEnvFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw error;
    }
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${withoutCredentials(explain(error))}\n`);
  process.exitCode = 1;
});

function explain(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return `${error.message}\nStop what uses this port, or choose another with FASTAPI_PORT.`;
    case 'EACCES':
    case 'EADDRNOTAVAIL':
      return `${error.message}\nCheck FASTAPI_HOST and FASTAPI_PORT.`;
    default:
      return error.name === 'ConfigError' ? error.message : (error.stack ?? error.message);
  }
}
