import { isList, isObject, writeExact, type ExactValue } from '../src/json/exactJson.js';
import { pointerPart } from '../src/json/jsonPointer.js';

/** Something that is not the same in both answers. */
export interface Difference {
  /** `status`, `header allow`, `body/state`, `messages`, `message/headers/lang`. */
  place: string;
  /** JSON, or `absent`. */
  python: string;
  node: string;
}

/** Lists where two values differ, but for what lies aside: one moment that both tell in their own way. */
export function differencesBetween(
  place: string,
  python: ExactValue | undefined,
  node: ExactValue | undefined,
): Difference[] {
  if (isObject(python) && isObject(node)) {
    const keys = new Set([...python.keys(), ...node.keys()]);
    return [...keys].flatMap((key) =>
      differencesBetween(`${place}${pointerPart(key)}`, python.get(key), node.get(key)),
    );
  }
  if (isList(python) && isList(node)) {
    const length = Math.max(python.length, node.length);
    return Array.from({ length }, (_, index) =>
      differencesBetween(`${place}/${index}`, python[index], node[index]),
    ).flat();
  }
  const texts = { python: shown(python), node: shown(node) };
  return texts.python === texts.node || areOneMoment(python, node) ? [] : [{ place, ...texts }];
}

function shown(value: ExactValue | undefined): string {
  return value === undefined ? 'absent' : writeExact(value);
}

/** A date and time with its offset from UTC: without one, nobody knows the moment. */
const MOMENT = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** How far apart two services are asked at most, in milliseconds; less than any offset from UTC. */
const SAME_MOMENT_MS = 10 * 60_000;

function areOneMoment(python: ExactValue | undefined, node: ExactValue | undefined): boolean {
  return (
    typeof python === 'string' &&
    typeof node === 'string' &&
    MOMENT.test(python) &&
    MOMENT.test(node) &&
    Math.abs(Date.parse(python) - Date.parse(node)) < SAME_MOMENT_MS
  );
}
