import { parseExact, type ExactValue } from '../../json/exactJson.js';
import type { JsonPart } from '../../json/jsonDocument.js';
import { pointerPart } from '../../json/jsonPointer.js';
import { findUnreadable } from '../python/kombuTypes.js';
import type { Task } from '../wire/message.js';

/** What a worker could not read: at or below `/params` or `/options`, in the task at this index. */
export interface TaskFault {
  index: number;
  pointer: string;
  reason: string;
}

/** The first fault of each task that has one. */
export function faultsOf(tasks: readonly Task[]): readonly TaskFault[] {
  return tasks.map(faultOf).filter((fault) => fault !== undefined);
}

export function faultOf({ params, options }: Task, index: number): TaskFault | undefined {
  const inParams = unreadablePart(params);
  if (inParams !== undefined) {
    return { index, pointer: `/params${inParams}`, reason: UNREADABLE };
  }
  if (options !== undefined) {
    for (const [name, text] of options.headers) {
      const inHeader = unreadablePart({ text, value: undefined, isPlain: true });
      if (inHeader !== undefined) {
        const pointer = `/options/headers${pointerPart(name)}${inHeader}`;
        return { index, pointer, reason: UNREADABLE };
      }
    }
  }
  return undefined;
}

const UNREADABLE =
  'has a __type__ and a __value__ in no form that kombu writes, so that a worker may not read it';

/** Where a worker's kombu may fail on a part of a message, which is well-formed JSON. */
function unreadablePart({ text, value, isPlain }: JsonPart): string | undefined {
  // A key may be written in escapes: of ASCII's letters and of the underscore.
  if (!text.includes('__type__') && !/\\u00[4-7]/.test(text)) {
    return undefined;
  }
  const exact = isPlain ? parseExact(text, { allowsInfinity: false }) : (value as ExactValue);
  return findUnreadable(exact);
}
