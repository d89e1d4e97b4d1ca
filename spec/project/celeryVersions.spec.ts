import assert from 'node:assert/strict';
import fc from 'fast-check';
import { startWorker } from '../../stack/celery.js';
import type { RunningProcess } from '../../stack/process.js';
import { preparePython } from '../../stack/python.js';
import { REPOSITORY, theFleet } from '../support/fleet.js';
import { jsonListTexts, jsonObjectTexts } from '../support/json.js';
import { startTestService, type TestService } from '../support/service.js';
import { resultOf, runPython } from '../support/tasks.js';

const FOLDER = `${REPOSITORY}spec/support/celery`;
const DATABASE = 6;

/** The version in workers-py/requirements.txt. */
const FLEET_VERSION = '5.7';

/** Each case: the params as they are sent, and what Python's `ascii()` makes of them. */
const CASES: readonly (readonly [what: string, params: string, python: string])[] = [
  ['plain params', '{"a": [1, null, true, "x"]}', "{'a': [1, None, True, 'x']}"],
  [
    'numbers',
    '{"a": 9007199254740993, "b": 1.0, "c": -0.0, "2": 1e5, "1": 0}',
    "{'a': 9007199254740993, 'b': 1.0, 'c': -0.0, '2': 100000.0, '1': 0}",
  ],
  ['Unicode', '{"é": "世界 😀 \\ud800"}', String.raw`{'\xe9': '\u4e16\u754c \U0001f600 \ud800'}`],
  ['nested params', '{"a": [[[[{"b": {"c": {}}}]]]]}', "{'a': [[[[{'b': {'c': {}}}]]]]}"],
  [
    'a compressed message',
    `{"a": "${'Grüße '.repeat(2_000)}"}`,
    String.raw`{'a': '${'Gr\\xfc\\xdfe '.repeat(2_000)}'}`.replaceAll('\\\\', '\\'),
  ],
];

/** The JSON texts of a task's args and kwargs. */
type Pair = readonly [args: string, kwargs: string];

/** What the task gives of how it was called. */
interface Shown {
  args: string;
  kwargs: string;
  argsrepr: string;
  kwargsrepr: string;
}

/** Without what names this one message, and without a representation that is cut, if `isUncut`. */
function argumentsOf(shown: Shown | undefined, isUncut: boolean): unknown {
  assert.ok(shown);
  const { args, kwargs, argsrepr, kwargsrepr } = shown;
  const comparable = (text: string) => (isUncut && CUT.test(text) ? 'cut' : text);
  return {
    ...{ args, kwargs },
    ...{ argsrepr: comparable(argsrepr), kwargsrepr: comparable(kwargsrepr) },
  };
}

/** `...` that stands for what is beyond the bound, not for an inner level: where it stands differs between 5.5 and 5.7. */
const CUT = /(^|[^{[])\.\.\./;

for (const version of ['5.3', '5.5', FLEET_VERSION]) {
  describe(`A worker of Celery ${version}`, function () {
    this.timeout(300_000);
    let worker: RunningProcess;
    let service: TestService;
    let callWithPython: (pairs: readonly Pair[]) => Promise<readonly Shown[]>;
    before(async () => {
      const redisUrl = theFleet().redis.url.replace(/0$/, String(DATABASE));
      const workersFolder = `${FOLDER}/${version}`;
      const isOwn = version !== FLEET_VERSION;
      const python = isOwn
        ? await preparePython({
            folder: workersFolder,
            environment: process.env,
            say: (line) => {
              process.stdout.write(`    Celery ${version}: ${line}\n`);
            },
          })
        : theFleet().python;
      worker = await startWorker({
        python,
        workersFolder: isOwn ? workersFolder : FOLDER,
        redisUrl,
        environment: process.env,
        variables: { PYTHONPATH: FOLDER },
        concurrency: 1,
      });
      callWithPython = async (pairs) => {
        const printed = await runPython('apply', [], {
          input: pairs.map(([args, kwargs]) => JSON.stringify({ args, kwargs })).join('\n'),
          variables: { PYTHONPATH: FOLDER },
          folder: isOwn ? workersFolder : FOLDER,
          ...{ python, redisUrl },
        });
        return JSON.parse(printed) as Shown[];
      };
      service = await startTestService({
        REDIS_URL: redisUrl,
        TASK_ROUTES: 'worker.*=version_queue',
        TASK_COMPRESSION: 'gzip',
        TASK_ORIGIN: 'orchestrator@spec',
      });
    });
    after(async () => {
      await service.close();
      await worker.stop();
    });

    it('is called with args and kwargs as by its own apply_async', async () => {
      const seed = Date.now();
      const numRuns = 200;
      const pairs = fc.sample(fc.tuple(jsonListTexts(), jsonObjectTexts()), { numRuns, seed });
      const requests = pairs.map(
        ([args, kwargs]) => `{"task_type": "show", "args": ${args}, "kwargs": ${kwargs}}`,
      );
      const response = await service
        .post('/assign-tasks/')
        .set('Content-Type', 'application/json')
        .send(`[${requests.join(',')}]`)
        .expect(200);
      const theirs = await callWithPython(pairs);
      for (const [index, { task_id }] of (response.body as { task_id: string }[]).entries()) {
        const { result } = await resultOf(service, task_id);
        const where = `of ${pairs[index]?.join(' and ')} (seed ${seed})`;
        const isUncut = version !== FLEET_VERSION;
        const [ours, python] = [result as Shown, theirs[index]];
        assert.deepEqual(argumentsOf(ours, isUncut), argumentsOf(python, isUncut), where);
      }
    });

    for (const [what, params, python] of CASES) {
      it(`gets the right arguments from ${what}`, async () => {
        const response = await service
          .post('/assign-task/')
          .set('Content-Type', 'application/json')
          .send(`{"task_type": "show", "params": ${params}}`)
          .expect(200);
        const { task_id } = response.body as { task_id: string };
        const { status, result } = await resultOf(service, task_id);
        assert.equal(status, 'completed');
        const shown = result as Record<string, unknown>;
        assert.equal(shown.args, `(${python},)`);
        assert.deepEqual(
          { ...shown, args: undefined, argsrepr: undefined },
          {
            args: undefined,
            argsrepr: undefined,
            kwargs: '{}',
            kwargsrepr: '{}',
            id: task_id,
            root_id: task_id,
            parent_id: null,
            origin: 'orchestrator@spec',
            timelimit: [null, null],
            retries: 0,
            delivery_info: {
              exchange: '',
              routing_key: 'version_queue',
              priority: 0,
              redelivered: false,
            },
          },
        );
      });
    }
  });
}
