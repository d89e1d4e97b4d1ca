/** Reads a value from the text of a variable. Throws an Error that says what it must be. */
export type Parse<Value> = (text: string) => Value;

/** Reads the variable of this name; a text as `fallback` is parsed like its own. */
export type ReadVariable = <Value>(
  name: string,
  parse: Parse<Value>,
  fallback: string | Exclude<Value, string>,
  options?: { secret: boolean },
) => Value;

/**
 * Returns a function that reads one variable. A fault is kept in `faults`, and the default is given in
 * its place, so that all faults are found. A text as default is parsed like a variable's own.
 *
 * @param known is given the name of each variable that is read
 */
export function createReader(
  environment: Readonly<Record<string, string | undefined>>,
  faults: string[],
  known: Set<string>,
): ReadVariable {
  return (name, parse, fallback, options) => {
    known.add(name);
    const otherwise = () => (typeof fallback === 'string' ? parse(fallback) : fallback);
    const text = environment[name]?.trim();
    if (text === undefined || text === '') {
      return otherwise();
    }
    try {
      return parse(text);
    } catch (error) {
      const received = options?.secret ? '' : ` (received: ${JSON.stringify(text)})`;
      faults.push(`${name} ${error instanceof Error ? error.message : String(error)}${received}`);
      return otherwise();
    }
  };
}

/** For a variable whose default is to have no value. */
export function optional<Value>(parse: Parse<Value>): Parse<Value | undefined> {
  return parse;
}

export function parseText(text: string): string {
  return text;
}

export function integerBetween(least: number, most: number): Parse<number> {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < least || number > most) {
      throw new Error(`must be a whole number from ${least} to ${most}`);
    }
    return number;
  };
}

/** A number that must not be below that of another variable. */
export function atLeast(other: string, least: number, parse: Parse<number>): Parse<number> {
  return (text) => {
    const number = parse(text);
    if (number < least) {
      throw new Error(`must not be less than ${other}, which is ${least}`);
    }
    return number;
  };
}

/** A number that must not be above that of another variable. */
export function atMost(other: string, most: number, parse: Parse<number>): Parse<number> {
  return (text) => {
    const number = parse(text);
    if (number > most) {
      throw new Error(`must not be more than ${other}, which is ${most}`);
    }
    return number;
  };
}

/** At most the longest delay of a timer in Node.js, 2^31 - 1 ms. */
export const milliseconds = integerBetween(1, 2_147_483_647);

export function parseBoolean(text: string): boolean {
  if (!/^(true|false|on|off)$/i.test(text)) {
    throw new Error('must be true or false');
  }
  return /^(true|on)$/i.test(text);
}

export function listOf<Value>(parse: Parse<Value>): Parse<readonly Value[]> {
  return (text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
      .map(parse);
}

export function deepFreeze<Value extends object>(value: Value): Value {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null && !ArrayBuffer.isView(inner)) {
      deepFreeze(inner);
    }
  }
  return Object.freeze(value);
}
