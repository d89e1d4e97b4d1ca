import { fileURLToPath } from 'node:url';
import { withReleasers } from '../stack/releasers.js';
import { readCases } from './cases.js';
import type { Options } from './options.js';
import { openRedisView } from './redisView.js';
import { replay, type Outcome } from './replay.js';
import { describeOutcome, summarize } from './report.js';
import { readRules } from './rules.js';
import type { Side } from './side.js';

/** The differences that are meant, from dist/shadow/. */
export const INTENDED = fileURLToPath(new URL('../../shadow/intended.json', import.meta.url));

/** Compares, prints, and resolves to the exit code and what it has found. Throws a QuickstartError where it can't. */
export function shadow(
  options: Options,
  print: (text: string) => void,
): Promise<{ exitCode: number; outcomes: readonly Outcome[] }> {
  return withReleasers(async (releaseLater) => {
    const cases = readCases(options.casesFile);
    const rules = [INTENDED, ...options.allowFiles].flatMap(readRules);
    const sideOf = async (
      option: '--python' | '--node',
      url: URL,
      address: Options['nodeRedis'],
      keyPrefix: string,
    ): Promise<Side> => {
      const { queues, headers, removesMessages } = options;
      const redis =
        address && (await openRedisView(address, { queues, keyPrefix }, `${option}-redis`));
      releaseLater(() => {
        redis?.close();
        return Promise.resolve();
      });
      return {
        ...{ option, url, redis, queues, keyPrefix, headers, removesMessages },
        isDry: option === '--node' && redis === undefined,
        kept: new Map(),
        ids: new Map(),
      };
    };
    const python = await sideOf(
      '--python',
      options.python,
      options.pythonRedis,
      options.pythonPrefix,
    );
    const node = await sideOf('--node', options.node, options.nodeRedis, options.nodePrefix);
    const outcomes: Outcome[] = [];
    for await (const outcome of replay(cases, { python, node }, rules)) {
      outcomes.push(outcome);
      print(describeOutcome(outcome, options.showsIntended));
    }
    const { text, exitCode } = summarize(outcomes);
    print(`\n${text}`);
    return { exitCode, outcomes };
  });
}
