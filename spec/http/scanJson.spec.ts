import assert from 'node:assert/strict';
import { isAscii } from 'node:buffer';
import fc from 'fast-check';
import { scanJson } from '../../src/json/scanJson.js';
import { jsonObjectTexts } from '../support/json.js';

/** Texts that are JSON, but for a character that is another one, is missing or is too many. */
function nearlyJson(): fc.Arbitrary<string> {
  const ascii = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
  const character = fc.constantFrom(...ascii, 'é');
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    removed: fc.nat({ max: 1 }),
    added: fc.oneof(fc.constant(''), character),
  });
  return fc.tuple(jsonObjectTexts(), change).map(([text, { at, removed, added }]) => {
    const position = Math.floor(at * text.length);
    return `${text.slice(0, position)}${added}${text.slice(position + removed)}`;
  });
}

function reads(read: (text: string) => unknown, text: string): boolean {
  try {
    read(text);
    return true;
  } catch (error) {
    assert.ok(error instanceof SyntaxError, String(error));
    return false;
  }
}

/** Levels of nested objects and lists, and members of objects unless names are repeated. */
function structureOf(value: unknown): { depth: number; keys: number } {
  if (typeof value !== 'object' || value === null) {
    return { depth: 0, keys: 0 };
  }
  const members = Object.values(value).map(structureOf);
  const own = Array.isArray(value) ? 0 : members.length;
  return {
    depth: 1 + Math.max(0, ...members.map(({ depth }) => depth)),
    keys: members.reduce((sum, { keys }) => sum + keys, own),
  };
}

const scan = (text: string) => scanJson(Buffer.from(text));

describe('The scan of a JSON text', () => {
  const numRuns = process.env.CI === undefined ? 5_000 : 100_000;

  it('takes what JSON.parse takes, and nothing else', () => {
    fc.assert(
      fc.property(nearlyJson(), (text) => {
        const sent = Buffer.from(text).toString();
        assert.equal(reads(scan, sent), reads(JSON.parse, sent));
      }),
      { numRuns },
    );
  }).timeout(60_000);

  it('refuses what breaks a rule of the grammar', () => {
    for (const text of [
      ...['', ' ', '{', '[', ']', '[1', '[1,', '[1,]', '{"a"', '{"a":', '{"a":1', '{"a":1,', '{,}'],
      ...[
        '{"a":1,}',
        '{a:1}',
        "{'a':1}",
        '{"a" 1}',
        '{1:1}',
        '[1 2]',
        '[]]',
        '{}{}',
        '{]',
        '[}',
        '1 1',
      ],
      ...['01', '-', '-01', '+1', '.5', '1.', '1.e5', '1e', '1e+', '0x10', '1_000', '--1', '1e5.5'],
      ...[
        'NaN',
        'Infinity',
        '-Infinity',
        'tru',
        'truee',
        'True',
        'nul',
        'undefined',
        '/*a*/1',
        '1//',
      ],
      ...['"', '"\\', '"\\"', '"\\x"', '"\\u12"', '"\\u12g4"', '"\\u"', '"\n"', '"\t"', '"\u0000"'],
      ...[
        `"${'a'.repeat(100)}\n"`,
        `"${'a'.repeat(100)}`,
        '\u00a01',
        '\ufeff1',
        '\u000b1',
        '1\u0000',
      ],
    ]) {
      assert.equal(reads(JSON.parse, text), false, text);
      assert.equal(reads(scan, text), false, text);
    }
  });

  it('takes every form of each rule', () => {
    for (const text of [
      ...[
        '0',
        '-0',
        '-0.0e-0',
        '1E+99',
        '1e400',
        '"\\u00E9\\"\\\\\\/\\b\\f\\n\\r\\t"',
        '"\u007f\u2028"',
      ],
      ...[' [ ] ', '\r\n\t{ } ', '[[],{},[{}]]', 'true', 'null', '""', '{"":{"":[]}}'],
      `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    ]) {
      assert.equal(reads(JSON.parse, text), true, text);
      assert.equal(reads(scan, text), true, text);
    }
  });

  it('finds the members of an object, and counts', () => {
    fc.assert(
      fc.property(jsonObjectTexts(), (text) => {
        const sent = Buffer.from(text).toString();
        const value = JSON.parse(sent) as Record<string, unknown>;
        const scanned = scan(sent);
        const found = Array.from(scanned.members(), ([name, bytes]) => {
          if (isAscii(Buffer.from(name))) {
            assert.equal(scanned.member(name)?.toString(), bytes.toString());
          }
          return [name, JSON.parse(bytes.toString())] as [string, unknown];
        });
        assert.deepEqual(Object.fromEntries(found), value);
        const structure = structureOf(value);
        assert.ok(scanned.depth >= structure.depth && scanned.keys >= structure.keys);
        assert.equal(scanned.items(), undefined);
      }),
      { numRuns: numRuns / 5 },
    );
    const { depth, keys } = scan('{"a": [{"b": 1, "b": 2}, [[3]]], "c": "{[:"}');
    assert.deepEqual({ depth, keys }, { depth: 4, keys: 4 });
  }).timeout(60_000);

  it('finds the items of a list', () => {
    fc.assert(
      fc.property(fc.array(jsonObjectTexts(), { maxLength: 5 }), (texts) => {
        const list = Buffer.from(` [ ${texts.join(' , ')} ] `).toString();
        const scanned = scan(list);
        const items = scanned.items()?.map((item) => JSON.parse(item.toString()) as unknown);
        assert.deepEqual(items, JSON.parse(list));
        assert.equal(scanned.members().size, 0);
      }),
      { numRuns: numRuns / 50 },
    );
  }).timeout(60_000);

  it('doubts numbers that may be beyond a double or beyond 4300 digits', () => {
    for (const [number, isDoubtful] of [
      ['1e99', false],
      ['-1.5e-400', false],
      ['9'.repeat(200), false],
      [`${'9'.repeat(197)}e99`, false],
      ['1e400', true],
      ['1e+309', true],
      ['-1E309', true],
      ['9'.repeat(4301), true],
      [`${'9'.repeat(309)}.5`, true],
    ] as const) {
      const { hasDoubtfulNumber } = scan(`{"a": ["1e400", ${number}]}`);
      assert.equal(hasDoubtfulNumber, isDoubtful, number);
    }
  });
});
