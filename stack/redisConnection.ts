import { once } from 'node:events';
import { connect } from 'node:net';

import { QuickstartError } from './failure.js';

const TIMEOUT_MS = 2000;

export interface RedisAddress {
  host: string;
  port: number;
}

/**
 * Sends commands on a connection of their own and resolves to the raw replies (RESP), all in one text.
 * Throws the socket's error, or a timeout after two seconds.
 */
export async function askRedis(
  { host, port }: RedisAddress,
  commands: readonly (readonly string[])[],
): Promise<string> {
  const socket = connect({ host, port });
  try {
    let replies = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      replies += chunk;
    });
    // After QUIT the server closes the connection, which tells that all replies are in.
    for (const command of [...commands, ['QUIT']]) socket.write(encodeCommand(command));
    await once(socket, 'end', { signal: AbortSignal.timeout(TIMEOUT_MS) });
    return replies;
  } finally {
    socket.destroy();
  }
}

/**
 * Makes sure that a Redis that somebody else runs answers PING.
 * `url` is redis://user:password@host:port/database, each part but the scheme and host optional. A
 * rediss:// URL is taken on trust.
 * Throws a QuickstartError that says what is wrong, without the password.
 */
export async function assertRedisAnswers(url: string): Promise<void> {
  if (!URL.canParse(url) || !/^rediss?:\/\//i.test(url)) {
    throw new QuickstartError('REDIS_URL must be a URL such as redis://localhost:6379/0');
  }
  const { protocol, username, password, hostname, port, pathname } = new URL(url);
  if (protocol === 'rediss:') return;
  const user = username ? [decodeURIComponent(username)] : [];
  const address = {
    host: hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: Number(port || 6379),
  };
  const commands = [
    ...(password ? [['AUTH', ...user, decodeURIComponent(password)]] : []),
    ...(pathname.length > 1 ? [['SELECT', pathname.slice(1)]] : []),
    ['PING'],
  ];
  const replies = await askRedis(address, commands).catch((error: unknown) => {
    const aborted = error instanceof Error && error.name === 'AbortError';
    const reason = aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : describeSocketError(error);
    throw new QuickstartError(
      `REDIS_URL (${maskPassword(url)}) can't be reached: ${reason}. ` +
        'Start that Redis, or unset REDIS_URL to have one started.',
      { cause: error },
    );
  });
  const refusal = /^-(.*)$/m.exec(replies)?.[1];
  if (refusal === undefined && replies.includes('+PONG')) return;
  const problem = refusal === undefined ? 'is not a Redis' : `answers: ${refusal}`;
  throw new QuickstartError(`REDIS_URL (${maskPassword(url)}) ${problem}`);
}

/** The URL with its password, if any, replaced by ***. */
export function maskPassword(url: string): string {
  const masked = new URL(url);
  if (masked.password) masked.password = '***';
  return masked.href;
}

function encodeCommand(words: readonly string[]): string {
  const bulks = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${bulks.join('')}`;
}

function describeSocketError(error: unknown): string {
  // Where a name has several addresses, the error of each is inside and its own message is empty.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message : String(first);
}
