/** What comes from the network is unknown until it is looked at. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is at these keys below a value, or undefined. */
export function at(value: unknown, ...keys: readonly string[]): unknown {
  let node = value;
  for (const key of keys) {
    if (!isObject(node) || !Object.hasOwn(node, key)) {
      return undefined;
    }
    node = node[key];
  }
  return node;
}

/** The value if it is a text, else the empty one. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The texts in a list; none where it is no list. */
export function textsOf(value: unknown): string[] {
  return listOf(value).filter((one) => typeof one === 'string');
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

/** The value of a JSON text, or undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** More of a text than this makes a page slow. */
const SHOWN_CHARACTERS = 50_000;

/** What a JSON text has at `key`, indented, with every digit; a long one is cut and says so. */
export function showJson(text: string, key: string): string {
  if (text.length > SHOWN_CHARACTERS * 20) {
    return cut(text);
  }
  return cut(JSON.stringify(at(parseExactly(text), key), null, 2));
}

export function cut(text: string, most = SHOWN_CHARACTERS): string {
  return text.length <= most
    ? text
    : `${text.slice(0, most)}…\n(the first ${most} of ${text.length} characters)`;
}

/** As newer browsers have it (ECMAScript, "JSON.parse source text access"). */
interface ExactJson {
  parse(
    text: string,
    revive: (key: string, value: unknown, context?: { source?: string }) => unknown,
  ): unknown;
  rawJSON?: (text: string) => unknown;
}

/** Numbers beyond a double's digits, which JSON.parse rounds, stay as they were written. */
function parseExactly(text: string): unknown {
  const exact: ExactJson = JSON;
  return exact.parse(text, (_key, value, context) => {
    const source = context?.source;
    return typeof value === 'number' && source !== undefined && String(value) !== source
      ? (exact.rawJSON?.(source) ?? value)
      : value;
  });
}
