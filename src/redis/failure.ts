import type { Connection } from './connection.js';

/** Why something is not known or not done: `reason` for the caller, `cause` for the log. */
export interface Failure {
  reason: string;
  cause?: unknown;
}

/** The failure that an error of Redis's own is. `server` is what the caller knows this Redis as. */
export function refusal(cause: Error, server = 'the message broker'): Failure {
  return { reason: `${server} ${refusalReason(firstOf(cause).message)}`, cause };
}

/** The failure that no answer in time is. */
export function unanswered(connection: Connection, server = 'the message broker'): Failure {
  return {
    reason: connection.isUsable()
      ? `${server} did not answer in time`
      : `${server} can't be reached`,
  };
}

/** A transaction is refused for one of its commands, which ioredis adds to its error. */
function firstOf(error: Error & { previousErrors?: readonly Error[] }): Error {
  return error.previousErrors?.[0] ?? error;
}

/** Redis's error codes (`shared` in its server.c) that an operator can act upon, in words for the caller. */
const REASONS: Readonly<Record<string, string>> = {
  OOM: 'is out of memory',
  READONLY: 'is a read-only replica',
  LOADING: 'is loading its data',
  MASTERDOWN: 'has lost its master',
  MISCONF: "can't save to its disk",
  NOREPLICAS: 'has too few replicas',
  BUSY: 'is busy with a script',
};

/** Says in words why a server refuses, from its error text; leaves out what only operators may know. */
export function refusalReason(message: string): string {
  const code = codeOf(message);
  return code === 'NOPERM' ? forbidden(message) : (REASONS[code] ?? 'refused it');
}

/** Refusals that another server, or this one a moment later, would not give. */
const PASSING = ['READONLY', 'LOADING', 'MASTERDOWN', 'BUSY'];

export function isPassing({ message }: Error): boolean {
  return PASSING.includes(codeOf(message));
}

/** The error of a command that a script has called may be wrapped: before Redis 7, and by Valkey's ACL. */
function codeOf(message: string): string {
  const own = message.replace(/^(?:ERR Error running script .*?)?(?:@user_script: ?\d+: )+-?/, '');
  if (/^(?:ERR ACL failure in script|The user executing the script can't)/.test(own)) {
    return 'NOPERM';
  }
  return /^[A-Z]+/.exec(own)?.[0] ?? '';
}

/** `getAclErrorMessage` of Redis's acl.c. Redis 6.2 names no command that a script has called. */
function forbidden(message: string): string {
  const [, command] = / run the '([^']+)' command/.exec(message) ?? [];
  if (command !== undefined) {
    return `does not permit ${command.toUpperCase().replace('|', ' ')}`;
  }
  const [, what] = /\b(key|channel)s?\b/.exec(message) ?? [];
  return what === undefined ? 'does not permit it' : `does not permit access to a ${what}`;
}
