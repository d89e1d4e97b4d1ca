/** Why something is not known or not done: `reason` for the caller, `cause` for the log. */
export interface Failure {
  reason: string;
  cause?: unknown;
}

/** The failure that an error of Redis's own is. */
export function refusal(cause: Error): Failure {
  return { reason: refusalReason(cause.message), cause };
}

/** Redis's error codes (`shared` in its server.c) that an operator can act upon, in words for the caller. */
const REASONS: Readonly<Record<string, string>> = {
  OOM: 'the message broker is out of memory',
  READONLY: 'the message broker is a read-only replica',
  LOADING: 'the message broker is loading its data',
  MASTERDOWN: 'the message broker has lost its master',
  MISCONF: "the message broker can't save to its disk",
  NOREPLICAS: 'the message broker has too few replicas',
  BUSY: 'the message broker is busy with a script',
  NOPERM: 'the message broker does not permit it',
};

/** Why a message was refused, from the text of Redis's error; without anything that only operators may know. */
export function refusalReason(message: string): string {
  return REASONS[codeOf(message)] ?? 'the message broker refused it';
}

/** What another server, or this one a moment later, does not answer. */
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
