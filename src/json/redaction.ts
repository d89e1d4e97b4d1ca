/** What is shown in place of a value that is not to be shown. */
const MASK = '***';

/**
 * A value with `***` at each of these JSON pointers, whatever is there. What lies beside the pointers' paths
 * is shared with `value`, which stays as it is. Objects may be Maps, as those of `parseExact` are; a pointer
 * to nothing is ignored.
 */
export function redacted(value: unknown, pointers: readonly string[]): unknown {
  if (pointers.length === 0) {
    return value;
  }
  const root: Path = new Map();
  for (const pointer of pointers) {
    let path = root;
    for (const key of keysOf(pointer)) {
      const next = path.get(key) ?? (new Map() as Path);
      path.set(key, next);
      path = next;
    }
    path.set(END, new Map());
  }
  return masked(value, root);
}

/** The pointers as a tree, so that what they have in common is copied once. */
type Path = Map<string | typeof END, Path>;

/** Marks the end of a pointer: keys are strings. */
const END = Symbol('end of a JSON pointer');

function keysOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function masked(value: unknown, path: Path): unknown {
  if (path.has(END)) {
    return MASK;
  }
  if (path.size === 0 || typeof value !== 'object' || value === null) {
    return value;
  }
  if (value instanceof Map) {
    return maskedMap(value as ReadonlyMap<string, unknown>, path);
  }
  return Array.isArray(value)
    ? maskedMembers([...(value as readonly unknown[])], path)
    : maskedMembers({ ...value }, path);
}

function maskedMap(value: ReadonlyMap<string, unknown>, path: Path): ReadonlyMap<string, unknown> {
  const copy = new Map(value);
  for (const [key, rest] of path) {
    if (key !== END && copy.has(key)) {
      copy.set(key, masked(copy.get(key), rest));
    }
  }
  return copy;
}

/** Of own members alone: an assignment to another `__proto__` would not make a member. */
function maskedMembers(copy: object, path: Path): object {
  for (const [key, rest] of path) {
    if (key !== END && Object.hasOwn(copy, key)) {
      Reflect.set(copy, key, masked(Reflect.get(copy, key), rest));
    }
  }
  return copy;
}
