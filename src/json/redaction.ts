/** Shown in place of a sensitive value. */
const MASK = '***';

/**
 * Returns a copy of the value with `***` at each of these JSON pointers. A pointer to nothing is ignored. Parts beside the
 * pointers' paths are shared with `value`, which does not change. Objects may be Maps, as `parseExact` makes them.
 */
export function redacted(value: unknown, pointers: readonly string[]): unknown {
  if (pointers.length === 0) {
    return value;
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
  return masked(value, root);
}

/** The pointers as a tree, so that each object on a shared path is copied once. */
type Path = Map<string | typeof END, Path>;

/** Marks the end of a pointer. A symbol, as every string may be a key. */
const END = Symbol('end of a JSON pointer');

function pointerKeys(pointer: string): string[] {
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

/** Masks own members only: assigning to an inherited `__proto__` would change the prototype. */
function maskedMembers(copy: object, path: Path): object {
  for (const [key, rest] of path) {
    if (key !== END && Object.hasOwn(copy, key)) {
      Reflect.set(copy, key, masked(Reflect.get(copy, key), rest));
    }
  }
  return copy;
}
