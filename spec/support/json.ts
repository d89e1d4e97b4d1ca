import fc from 'fast-check';

/**
 * Texts of JSON objects as clients write them: numbers in every notation, integer-like, repeated and
 * escaped keys, white space anywhere.
 *
 * @param characters what strings are made of; every kind of character unless given
 */
export function jsonObjectTexts(characters?: readonly string[]): fc.Arbitrary<string> {
  return jsonTexts(characters).object;
}

/** The same of JSON lists. */
export function jsonListTexts(characters?: readonly string[]): fc.Arbitrary<string> {
  return jsonTexts(characters).list;
}

function jsonTexts(
  characters?: readonly string[],
): Record<'object' | 'list', fc.Arbitrary<string>> {
  const string = characters === undefined ? anyString() : stringOf(characters);
  return fc.letrec<{ value: string; object: string; list: string }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, depthSize: 'small' },
      { arbitrary: scalar(string), weight: 4 },
      { arbitrary: tie('object'), weight: 2 },
      { arbitrary: tie('list'), weight: 2 },
    ),
    object: fc
      .array(fc.tuple(space(), key(string), space(), tie('value')), { maxLength: 8 })
      .map((members) => {
        const texts = members.map(([before, name, after, value]) => {
          return `${before}${name}${after}:${value}`;
        });
        return `{${texts.join(',')}}`;
      }),
    list: fc
      .array(fc.tuple(space(), tie('value'), space()), { maxLength: 8 })
      .map((items) => `[${items.map((item) => item.join('')).join(',')}]`),
  }));
}

function scalar(string: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof(number(), string, fc.constantFrom('true', 'false', 'null'));
}

function number(): fc.Arbitrary<string> {
  const digits = fc.stringMatching(/^(0|[1-9][0-9]{0,24})$/);
  const fraction = fc.oneof(
    fc.constant(''),
    fc.stringMatching(/^\.[0-9]{1,20}$/),
    fc.constantFrom('.0', '.00', '.50', '.99999999999999999'),
  );
  const exponent = fc.oneof(
    { arbitrary: fc.constant(''), weight: 3 },
    { arbitrary: fc.stringMatching(/^[eE][+-]?[0-9]{1,2}$/), weight: 1 },
  );
  return fc.oneof(
    fc.tuple(fc.constantFrom('', '-'), digits, fraction, exponent).map((parts) => parts.join('')),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
    fc.integer().map(String),
    fc.constantFrom('0', '-0', '-0.0', '1.0', '9007199254740993', `1${'0'.repeat(40)}`, '1e22'),
  );
}

function stringOf(characters: readonly string[], maxLength = 30): fc.Arbitrary<string> {
  return fc
    .string({ unit: fc.constantFrom(...characters), maxLength })
    .map((text) => JSON.stringify(text));
}

function anyString(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }).map((text) => JSON.stringify(text)),
    fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => JSON.stringify(text)),
    // Halves of surrogate pairs, as escapes.
    stringOf(['\ud83d', '\ude00', 'a'], 4),
    stringOf(["'", '"', '\\', ' ', '\n', 'é', '😀', 'x'], 900),
  );
}

function key(string: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof(
    string,
    fc.constantFrom(
      '"a"',
      '"b"',
      '"2"',
      '"10"',
      '"1"',
      '"\\u0031"',
      '"__proto__"',
      '"params"',
      '"toString"',
    ),
  );
}

function space(): fc.Arbitrary<string> {
  return fc.oneof(
    { arbitrary: fc.constant(''), weight: 5 },
    {
      arbitrary: fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\r'), maxLength: 3 }),
      weight: 1,
    },
  );
}
