import { QuickstartError } from '../stack/failure.js';
import { isObject, type ExactValue } from '../src/json/exactJson.js';
import { namesIn, type Case } from './cases.js';
import type { Effect } from './answers.js';
import { exchange, type Answer } from './exchange.js';
import { assignedIds, describeMessage, jsonOf, taskIdOf, type ListedMessage } from './messages.js';
import type { RedisView } from './redisView.js';

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
  /** Before every key of its Redis; may be empty. */
  keyPrefix: string;
  /** Sent with each request that brings none of the name. */
  headers: Readonly<Record<string, string>>;
  removesMessages: boolean;
  /** The ids that cases have kept, by their names. */
  kept: Map<string, string>;
  /** A name, the same on both sides, for each id that it has given to a task. */
  ids: Map<string, string>;
}

/** Sends a case to a service and looks at what comes of it. Throws a QuickstartError where that can't be done. */
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
  }).catch(async (error: unknown) => {
    // Without an answer, nobody knows which messages are of this request.
    throw naming(error, side.removesMessages ? ((await redis?.newMessages()) ?? []) : []);
  });
  const isDryRun = isDryRequest && answer.status === 200;
  const messages = isDryRun ? messagesOf(side, one, answer) : await redis?.newMessages();
  const ids = isAssignment ? assignedIds(jsonOf(answer.text)) : [];
  const left = side.removesMessages ? await removeOwn(redis, ids, messages ?? []) : [];
  if (isAssignment && answer.status === 200) {
    try {
      learnIds(side, one, answer);
      assertMessages(side, one, answer, messages);
    } catch (error) {
      throw naming(error, left);
    }
  }
  return { answer, messages, left, isDryRun, origin: side.url.origin, ids: side.ids };
}

/** Takes the messages of these tasks out; resolves to the others, which may be anybody's. */
async function removeOwn(
  redis: RedisView | undefined,
  ids: readonly string[],
  messages: readonly ListedMessage[],
): Promise<ListedMessage[]> {
  if (redis === undefined) {
    return [];
  }
  const isOwn = (message: ListedMessage): boolean => ids.includes(taskIdOf(message) ?? '');
  await redis.remove(messages.filter(isOwn));
  return messages.filter((message) => !isOwn(message));
}

/** The error with the messages that stay, so that whoever reads it can take them out. */
function naming(error: unknown, left: readonly ListedMessage[]): unknown {
  return error instanceof QuickstartError && left.length > 0
    ? new QuickstartError(
        `${error.message}\nThese messages have come meanwhile, from this request or from others, and are left ` +
          `there: ${left.map(describeMessage).join(', ')}`,
      )
    : error;
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
function messagesOf({ option, keyPrefix }: Side, one: Case, answer: Answer): ListedMessage[] {
  readAnswer(option, one, answer);
  const answers = [JSON.parse(answer.text)].flat() as {
    status: string;
    key: string;
    envelope: string;
  }[];
  if (answers.some(({ status }) => status !== 'dry_run')) {
    throw new QuickstartError(
      '--node has sent a task that it was to show only: it does not know dry_run. Is it the old service?',
    );
  }
  return answers.map(({ key, envelope }) => ({
    key: key.startsWith(keyPrefix) ? key.slice(keyPrefix.length) : key,
    text: envelope,
  }));
}

function readAnswer(option: string, { where, method, path }: Case, { text }: Answer): ExactValue {
  const value = jsonOf(text);
  if (value === undefined) {
    throw new QuickstartError(
      `${where}: ${option} answers ${method} ${path} with 200 and no JSON: is it the orchestrator?`,
    );
  }
  return value;
}

/** Keeps the task's id. An answer with several tasks names none. */
function learnIds(side: Side, one: Case, answer: Answer): void {
  const value = readAnswer(side.option, one, answer);
  const id = isObject(value) ? value.get('task_id') : undefined;
  // An id that the client has chosen is the same on both sides, and may be a word that stands elsewhere too.
  if (typeof id === 'string' && one.body?.includes(id) !== true) {
    side.ids.set(id, `<task of line ${one.where.split(':').at(-1) ?? ''}>`);
  }
  if (one.keep !== undefined) {
    if (typeof id !== 'string') {
      throw new QuickstartError(
        `${one.where}: ${side.option} answers no task_id, which is to be kept`,
      );
    }
    side.kept.set(one.keep, id);
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
    throw new QuickstartError(
      `${where}: ${option} has seen this Idempotency-Key before, and sends nothing: use a new one for each run`,
    );
  }
  throw new QuickstartError(
    `${where}: ${option} has assigned a task, and there is no new message in ${queues.join(', ')}. ` +
      `Is ${option}-redis the Redis of that service, --queues all its queues, and ${option}-prefix what its keys begin with?`,
  );
}
