import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  readExactly,
  readStoredResult,
  UnreadableResult,
  type StoredResult,
} from '../../src/celery/results/storedResult.js';

/** What might be taken for the end of a result, or for something to translate. */
const TRICKY = [
  ...[
    ', "traceback": ',
    '"traceback": null',
    '", "traceback": null}',
    '"result": ',
    'NaN',
    '-Infinity',
  ],
  ...[
    '__type__',
    '__value__',
    '\\',
    '"',
    '\\"',
    '\u{1f600}',
    'é',
    '\u2028',
    '\0',
    '{',
    '}',
    ']',
    ' ',
  ],
];

/** Python's json.dumps, which writes ASCII alone unless it is told otherwise. */
function dumped(text: string, ensuresAscii: boolean): string {
  const written = JSON.stringify(text);
  return ensuresAscii
    ? written.replace(
        /[^\0-\x7e]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
      )
    : written;
}

const textOf = (ensuresAscii: boolean) =>
  fc
    .array(fc.oneof(fc.constantFrom(...TRICKY), fc.string({ unit: 'grapheme', maxLength: 5 })), {
      maxLength: 4,
    })
    .map((pieces) => dumped(pieces.join(''), ensuresAscii));

const number = fc.oneof(
  fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.constantFrom('1.0', '1e400', '-0', '-0.0', '0.1', '9007199254740993'),
);

/** Values as a worker may write them; `NaN` and the infinities included. */
const valueOf = (ensuresAscii: boolean) =>
  fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      fc.constantFrom('null', 'true', 'false', 'NaN', 'Infinity', '-Infinity', '[]', '{}'),
      number,
      textOf(ensuresAscii),
      fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
      fc
        .array(fc.tuple(textOf(ensuresAscii), tie('value')), { maxLength: 3 })
        .map((members) => `{${members.map(([key, value]) => `${key}: ${value}`).join(', ')}}`),
      fc
        .tuple(fc.constantFrom('uuid', 'datetime', 'ours'), tie('value'))
        .map(([type, value]) => `{"__type__": "${type}", "__value__": ${value}}`),
      fc
        .tuple(fc.integer({ min: 1, max: 400 }), tie('value'))
        .map(([levels, value]) => `${'['.repeat(levels)}${value}${']'.repeat(levels)}`),
    ),
  })).value;

/** Four metas of tasks that have ended well, by many versions and settings of Celery: each value is a result once. */
const fourMetas = fc.boolean().chain((ensuresAscii) => {
  const value = valueOf(ensuresAscii);
  return fc
    .record({
      values: fc.tuple(value, value, value, value),
      traceback: fc.oneof(fc.constant('null'), textOf(ensuresAscii)),
      dateDone: fc.constantFrom(
        ...['"2026-01-31T09:30:00.123456+00:00"', '"2026-01-31T09:30:00"', 'null', '"soon"'],
      ),
      // With `result_extended`.
      isExtended: fc.boolean(),
      again: fc.constantFrom(undefined, undefined, undefined, 'status', 'result', 'traceback'),
    })
    .map(({ values: [a, b, c, d], traceback, dateDone, isExtended, again }) =>
      [
        [a, b, c, d],
        [b, c, d, a],
        [c, d, a, b],
        [d, a, b, c],
      ].map(([result, positional, named, other]) =>
        [
          `{"status": "SUCCESS", "result": ${result}, "traceback": ${traceback}, "children": [], `,
          `"date_done": ${dateDone}`,
          isExtended ? `, "name": "worker.a", "args": ${positional}, "kwargs": ${named}` : '',
          `, "task_id": "a"`,
          again === undefined ? '' : `, "${again}": ${other}`,
          '}',
        ].join(''),
      ),
    );
});

/** Each makes four results. */
const RUNS = process.env.CI === undefined ? 2_500 : 25_000;

describe('A stored result', () => {
  it('is handed on as it is, or read exactly, and never differs', function () {
    this.timeout(300_000);
    let unchanged = 0;
    let exact = 0;
    fc.assert(
      fc.property(fourMetas, (metas) => {
        for (const text of metas) {
          const payload = Buffer.from(text);
          const expected = told(() => readExactly(payload));
          const read = told(() => readStoredResult(payload) as StoredResult);
          assert.deepEqual(read.shown, expected.shown);
          if (read.isUnchanged) unchanged += 1;
          else exact += 1;
        }
      }),
      { numRuns: RUNS },
    );
    assert.ok(unchanged > RUNS / 2, `${unchanged} were handed on as they are`);
    assert.ok(exact > RUNS / 2, `${exact} were read exactly`);
  });

  for (const [what, text] of [
    ['in another order', '{"result": 1, "status": "SUCCESS", "traceback": null}'],
    ['without spaces', '{"status":"SUCCESS","result":1,"traceback":null}'],
    ['of another state', '{"status": "PROGRESS", "result": 1, "traceback": null}'],
    ['without a traceback', '{"status": "SUCCESS", "result": {"a": [1, "traceback"]}}'],
    [
      'whose result is stored twice',
      '{"status": "SUCCESS", "result": 1, "traceback": null, "result": 2}',
    ],
  ] as const) {
    it(`is read exactly ${what}`, () => {
      const stored = readStoredResult(Buffer.from(text)) as StoredResult;
      assert.equal(typeof stored.plain().source, 'string');
      assert.equal(stored.plain().text, readExactly(Buffer.from(text)).plain().text);
    });
  }

  it('is refused where it is not UTF-8', () => {
    const text = '{"status": "SUCCESS", "result": "\u00e9", "traceback": null}';
    assert.throws(() => readStoredResult(Buffer.from(text, 'latin1')), UnreadableResult);
  });
});

/** What clients are told of it, or the fault. */
function told(read: () => StoredResult): { shown: unknown; isUnchanged: boolean } {
  try {
    const stored = read();
    const { state, dateDone, traceback } = stored;
    const plain = stored.plain();
    return {
      shown: { state, dateDone, traceback, text: plain.text },
      isUnchanged: typeof plain.source !== 'string',
    };
  } catch (error) {
    assert.ok(error instanceof UnreadableResult, String(error));
    return { shown: error.message, isUnchanged: false };
  }
}
