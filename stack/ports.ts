import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import { QuickstartError } from './failure.js';

/**
 * Reads a port from the environment variable `name`; unset and empty mean `fallback`.
 * Throws a QuickstartError unless it is an integer from 1 to 65535.
 */
export function readPort(environment: NodeJS.ProcessEnv, name: string, fallback: number): number {
  const text = environment[name]?.trim();
  if (!text) return fallback;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) {
    throw new QuickstartError(`${name} must be a port from 1 to 65535, but is '${text}'.`);
  }
  return port;
}

/**
 * Makes sure that 127.0.0.1:`port` can be listened on. `variable` is the environment variable that
 * chooses it.
 * Throws a QuickstartError that names the way out.
 */
export async function assertPortFree(port: number, variable: string): Promise<void> {
  try {
    await listenBriefly(port);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
    const problem =
      code === 'EACCES'
        ? `Port ${port} may not be used by this user. Choose another: `
        : `Port ${port} is taken. Stop what uses it or choose another: `;
    const another = port < 1024 ? port + 8000 : port === 65535 ? port - 1 : port + 1;
    throw new QuickstartError(`${problem}${variable}=${another} npm run quickstart`);
  }
}

/** A port of 127.0.0.1 that was free a moment ago; another process may take it before the caller does. */
export async function findFreePort(): Promise<number> {
  return listenBriefly(0);
}

async function listenBriefly(wanted: number): Promise<number> {
  const server = createServer();
  server.listen(wanted, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
