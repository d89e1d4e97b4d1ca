/** What texts of an example stand for, by the example's text: `1d0e…` for a task's id. */
export type Meanings = Map<string, string>;

/**
 * Reads what an example shows of an answer, in which `…` stands for any text, the rest of a text, the
 * other fields of an object or the other elements of a list.
 *
 * @throws SyntaxError where it is no JSON besides
 */
export function parseExample(text: string): unknown {
  return JSON.parse(
    text.replaceAll(/([{,])\s*…\s*}/g, '$1"…":"…"}').replaceAll(/([[,])\s*…\s*]/g, '$1"…"]'),
  );
}

/**
 * The first difference between an example and an answer, or undefined: fields, types, the lengths of
 * lists, and texts. Numbers may differ, as progress does. What a text that ends in `…` stands for is
 * kept in `meanings`, and must be the same wherever it is shown again.
 */
export function difference(
  example: unknown,
  answer: unknown,
  meanings: Meanings,
  where = 'the answer',
): string | undefined {
  if (typeof example === 'string') {
    return textDifference(example, answer, meanings, where);
  }
  if (Array.isArray(example)) {
    return listDifference(example, answer, meanings, where);
  }
  if (isObject(example)) {
    return objectDifference(example, answer, meanings, where);
  }
  return typeof example === typeof answer && (example === null) === (answer === null)
    ? undefined
    : `${where} is ${JSON.stringify(answer)}, no ${example === null ? 'null' : typeof example}`;
}

function textDifference(
  example: string,
  answer: unknown,
  meanings: Meanings,
  where: string,
): string | undefined {
  if (example === '…') {
    return undefined;
  }
  const meant = example.endsWith('…') ? meanings.get(example) : example;
  if (typeof answer === 'string' && meant === undefined) {
    meanings.set(example, answer);
    return undefined;
  }
  return answer === meant
    ? undefined
    : `${where} is ${JSON.stringify(answer)}, not ${JSON.stringify(meant ?? example)}`;
}

function listDifference(
  example: readonly unknown[],
  answer: unknown,
  meanings: Meanings,
  where: string,
): string | undefined {
  if (!Array.isArray(answer)) {
    return `${where} is ${JSON.stringify(answer)}, no list`;
  }
  const shown = example.filter((element) => element !== '…');
  if (shown.length === example.length && answer.length !== example.length) {
    return `${where} has ${answer.length} elements, not ${example.length}`;
  }
  return firstOf(shown, (element, index) =>
    difference(element, answer[index], meanings, `${where}[${index}]`),
  );
}

function objectDifference(
  example: Readonly<Record<string, unknown>>,
  answer: unknown,
  meanings: Meanings,
  where: string,
): string | undefined {
  if (!isObject(answer)) {
    return `${where} is ${JSON.stringify(answer)}, no object`;
  }
  const { '…': others, ...shown } = example;
  const unexpected = Object.keys(answer).filter((key) => !(key in shown));
  if (others === undefined && unexpected.length > 0) {
    return `${where} has ${unexpected.join(', ')} too`;
  }
  return firstOf(Object.entries(shown), ([key, value]) =>
    key in answer
      ? difference(value, answer[key], meanings, `${where}.${key}`)
      : `${where} lacks ${key}`,
  );
}

function firstOf<Element>(
  elements: readonly Element[],
  find: (element: Element, index: number) => string | undefined,
): string | undefined {
  for (const [index, element] of elements.entries()) {
    const found = find(element, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
