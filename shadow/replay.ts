import { randomUUID } from 'node:crypto';
import { QuickstartError } from '../stack/failure.js';
import { compare } from './answers.js';
import type { Case } from './cases.js';
import type { Difference } from './difference.js';
import { exchange } from './exchange.js';
import type { ListedMessage } from './messages.js';
import { ruleFor, type Rule } from './rules.js';
import { assigns, play, type Side } from './side.js';

/** What became of a case. */
export type Outcome =
  | { case: Case; skipped: string }
  | {
      case: Case;
      pythonStatus: number;
      nodeStatus: number;
      /** `rule` is the one by which a difference is meant; undefined where none is. */
      differences: readonly { difference: Difference; rule: Rule | undefined }[];
      /** Messages that were to be removed, but are not known as this request's. */
      left: readonly ListedMessage[];
    };

/**
 * Sends each case to both services, one after the other, and tells of each what differs. Throws a QuickstartError where
 * one of them can't be asked.
 */
export async function* replay(
  cases: readonly Case[],
  sides: { python: Side; node: Side },
  rules: readonly Rule[],
): AsyncGenerator<Outcome> {
  const { python, node } = sides;
  // Nothing is sent to one of them before it is known that both are there.
  await Promise.all([python, node].map(assertAnswers));
  if (node.isDry && python.redis !== undefined) {
    await assertKnowsDryRun(node);
  }
  for (const one of cases) {
    const skipped = reasonToSkip(one, python, node);
    if (skipped !== undefined) {
      yield { case: one, skipped };
      continue;
    }
    const storedId = `shadow-${randomUUID()}`;
    const theirs = await play(python, one, storedId);
    const ours = await play(node, one, storedId);
    const setting = {
      method: one.method,
      path: one.path,
      pythonStatus: theirs.answer.status,
      nodeStatus: ours.answer.status,
      nodeText: ours.answer.text,
    };
    yield {
      case: one,
      pythonStatus: setting.pythonStatus,
      nodeStatus: setting.nodeStatus,
      differences: compare(theirs, ours, 'origin' in one.headers).map((difference) => ({
        difference,
        rule: ruleFor(difference, setting, rules),
      })),
      left: [...theirs.left, ...ours.left],
    };
  }
}

async function assertAnswers({ url, option, headers }: Side): Promise<void> {
  const request = { method: 'GET', path: '/health', headers, body: undefined };
  const { status } = await exchange(url, option, request);
  if (status !== 200) {
    throw new QuickstartError(
      `${option} (${url.origin}) answers GET /health with ${status}: is it the orchestrator, and ready?`,
    );
  }
}

/** A service that does not know of dry runs would send the task. */
async function assertKnowsDryRun({ url, option, headers }: Side): Promise<void> {
  const request = { method: 'GET', path: '/openapi.json', headers, body: undefined };
  const { text } = await exchange(url, option, request);
  if (!text.includes('"dry_run"')) {
    throw new QuickstartError(
      `${option} (${url.origin}) knows no dry runs, and would send the tasks: is it this service, 0.5.0 or ` +
        'newer? With --node-redis, it is not asked for them',
    );
  }
}

const READING = ['GET', 'HEAD', 'OPTIONS'];

function reasonToSkip(one: Case, python: Side, node: Side): string | undefined {
  if (one.stored !== undefined && (python.redis === undefined || node.redis === undefined)) {
    return 'it needs --python-redis and --node-redis, to store a result in';
  }
  if (READING.includes(one.method)) {
    return undefined;
  }
  if (python.redis === undefined) {
    return 'it may send a task: give --python-redis, of a Redis that no worker is connected to';
  }
  return node.redis === undefined && !assigns(one)
    ? 'only assignments have a dry run: give --node-redis, of a Redis that no worker is connected to'
    : undefined;
}
