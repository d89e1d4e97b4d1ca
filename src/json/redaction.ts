import { isList, isObject, parseExact, writeExact, type ExactValue } from './exactJson.js';
import { pointerKeys } from './jsonPointer.js';
import { JsonText } from './jsonText.js';

/** Shown in place of a sensitive value. */
const MASK = '***';

/** Returns the same JSON with `***` at each of these JSON pointers. A pointer to nothing is ignored. */
export function redacted(json: JsonText, pointers: readonly string[]): JsonText {
  if (pointers.length === 0) {
    return json;
  }
  const root: Path = new Map();
  for (const pointer of pointers) {
    let path = root;
    for (const key of pointerKeys(pointer)) {
      const next = path.get(key) ?? (new Map() as Path);
      path.set(key, next);
      path = next;
    }
    path.set(END, new Map());
  }
  const value = parseExact(json.text, { allowsInfinity: false });
  return new JsonText(writeExact(masked(value, root)));
}

/** The pointers as a tree. */
type Path = Map<string | typeof END, Path>;

/** Marks the end of a pointer. A symbol, as every string may be a key. */
const END = Symbol('end of a JSON pointer');

function masked(value: ExactValue, path: Path): ExactValue {
  if (path.has(END)) {
    return MASK;
  }
  if (isObject(value)) {
    return new Map(Array.from(value, ([key, member]) => [key, maskedMember(member, path, key)]));
  }
  return isList(value)
    ? value.map((item, index) => maskedMember(item, path, String(index)))
    : value;
}

function maskedMember(member: ExactValue, path: Path, key: string): ExactValue {
  const rest = path.get(key);
  return rest === undefined ? member : masked(member, rest);
}
