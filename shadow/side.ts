import { scanJson } from '../src/json/scanJson.js';
import { namesIn, type Case } from './cases.js';
import type { Effect } from './answers.js';
import { exchange, type Answer } from './exchange.js';
import { ShadowError } from './failure.js';
import type { ListedMessage, RedisView } from './redisView.js';

/** One of the two services, and what it has answered so far. */
export interface Side {
  /** Names it to people: `--python` or `--node`. */
  option: string;
  url: URL;
  /** Undefined where its messages are not to be looked at. */
  redis: RedisView | undefined;
  /** Whether its assignments are to be dry runs. */
  isDry: boolean;
  queues: readonly string[];
  /** Sent with each request that brings none of the name. */
  headers: Readonly<Record<string, string>>;
  removesMessages: boolean;
  /** The ids that cases have kept, by their names. */
  kept: Map<string, string>;
  /** A name, the same on both sides, for each id that it has given to a task. */
  ids: Map<string, string>;
}

/** Sends a case to a service and looks at what comes of it. Throws a ShadowError where that can't be done. */
export async function play(side: Side, one: Case, storedId: string): Promise<Effect> {
  const { redis } = side;
  if (one.stored !== undefined) {
    await redis?.store(storedId, one.stored);
  }
  const isAssignment = assigns(one);
  const isDryRequest = isAssignment && side.isDry;
  await redis?.mark();
  const path = filled(one.path, new Map([...side.kept, ['stored', storedId]]));
  const answer = await exchange(side.url, side.option, {
    method: one.method,
    path: isDryRequest ? asDryRun(path) : path,
    headers: { ...side.headers, ...one.headers },
    body: one.body,
  });
  const isDryRun = isDryRequest && answer.status === 200;
  const messages = isDryRun ? messagesOf(answer) : await redis?.newMessages();
  if (isAssignment && answer.status === 200) {
    learnIds(side, one, answer);
    assertMessages(side, one, answer, messages);
  }
  if (!isDryRun && side.removesMessages) {
    await redis?.remove(messages ?? []);
  }
  return { answer, messages, isDryRun, origin: side.url.origin, ids: side.ids };
}

/** Whether a request may assign tasks. */
export function assigns({ method, path }: Case): boolean {
  return method === 'POST' && /\/assign-tasks?\/*(\?|$)/.test(path);
}

function asDryRun(path: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}dry_run=true`;
}

function filled(text: string, values: ReadonlyMap<string, string>): string {
  return namesIn(text).reduce(
    (rest, name) => rest.replaceAll(`{${name}}`, values.get(name) ?? `{${name}}`),
    text,
  );
}

/** What the answer to a dry run shows. */
function messagesOf({ text }: Answer): ListedMessage[] {
  const answers = [JSON.parse(text)].flat() as { status: string; key: string; envelope: string }[];
  if (answers.some(({ status }) => status !== 'dry_run')) {
    throw new ShadowError(
      '--node has sent a task that it was to show only: it does not know dry_run. Is it the old service?',
    );
  }
  return answers.map(({ key, envelope }) => ({ key, text: envelope }));
}

/** Keeps the task's id. An answer with several tasks names none. */
function learnIds(side: Side, { where, keep }: Case, { text }: Answer): void {
  const member = scanJson(text).members.get('task_id');
  const id: unknown = member === undefined ? undefined : JSON.parse(member);
  if (typeof id === 'string') {
    side.ids.set(id, `<task of line ${where.split(':').at(-1) ?? ''}>`);
  }
  if (keep !== undefined) {
    if (typeof id !== 'string') {
      throw new ShadowError(`${where}: ${side.option} answers no task_id, which is to be kept`);
    }
    side.kept.set(keep, id);
  }
}

/** Without its messages, a comparison would find everything the same. */
function assertMessages(
  { option, queues }: Side,
  { where }: Case,
  { headers }: Answer,
  messages: readonly ListedMessage[] | undefined,
): void {
  if (messages?.length !== 0) {
    return;
  }
  if (headers['idempotent-replayed'] === 'true') {
    throw new ShadowError(
      `${where}: ${option} has seen this Idempotency-Key before, and sends nothing: use a new one for each run`,
    );
  }
  throw new ShadowError(
    `${where}: ${option} has assigned a task, and there is no new message in ${queues.join(', ')}. ` +
      `Is ${option}-redis the Redis of that service, and --queues all its queues?`,
  );
}
