import type { KombuReading } from '../../celery/python/unreadable.js';
import type { TaskArguments } from '../../celery/wire/message.js';
import type { ParamsForm } from '../../celery/wire/routing.js';
import type { components } from '../../contract/openapi.js';
import type { RequestFault } from '../../errors.js';
import type { JsonDocument } from '../../json/jsonDocument.js';
import { JsonText } from '../../json/jsonText.js';
import { redacted } from '../../json/redaction.js';

type AssignTaskRequest = components['schemas']['AssignTaskRequest'];

/** A task's arguments, as they are sent and as they are shown; and what is wrong with them beyond their schema. */
export interface ReadArguments {
  arguments: TaskArguments;
  shown: TaskArguments;
  /** By pointers into the request. */
  faults: readonly RequestFault[];
}

/**
 * The arguments of a task whose request fits its schema: its `params`, or `args` and `kwargs` in their place.
 *
 * @param sent the same request as it was sent
 * @param paramsAs how its type gets `params`
 * @param sensitive JSON pointers into the request, of the values that are not to be shown
 */
export function readTaskArguments(
  request: AssignTaskRequest,
  sent: JsonDocument,
  paramsAs: ParamsForm,
  sensitive: readonly string[],
  kombu: KombuReading,
): ReadArguments {
  if ('args' in request || 'kwargs' in request) {
    const args = sent.member('args') ?? EMPTY_LIST;
    const kwargs = sent.member('kwargs') ?? EMPTY_OBJECT;
    const faults = [
      ...unreadable('/args', kombu.unreadableAt(args)),
      ...keywordFaults('/kwargs', kwargs, kombu),
    ];
    const shown = {
      args: redacted(args, below('/args', sensitive)),
      kwargs: redacted(kwargs, below('/kwargs', sensitive)),
    };
    return { arguments: { args, kwargs }, shown, faults };
  }
  const params = sent.member('params') ?? EMPTY_OBJECT;
  const shown = redacted(params, below('/params', sensitive));
  return paramsAs === 'argument'
    ? {
        arguments: { only: params },
        shown: { only: shown },
        faults: unreadable('/params', kombu.unreadableAt(params)),
      }
    : {
        arguments: { args: EMPTY_LIST, kwargs: params },
        shown: { args: EMPTY_LIST, kwargs: shown },
        faults: keywordFaults('/params', params, kombu),
      };
}

const NONE: readonly never[] = [];
const EMPTY_LIST = new JsonText('[]');
const EMPTY_OBJECT = new JsonText('{}');

/** @param below where in the part that stands at `pointer`; undefined for nowhere */
export function unreadable(pointer: string, below: string | undefined): readonly RequestFault[] {
  const message =
    'has a __type__ and a __value__ in no form that kombu writes, so that a worker may not read it';
  return below === undefined ? NONE : [{ in: 'body', pointer: `${pointer}${below}`, message }];
}

function keywordFaults(
  pointer: string,
  kwargs: JsonText,
  { unreadableAt, isTypedValue }: KombuReading,
): readonly RequestFault[] {
  const message =
    'is what kombu writes for another value than an object, of which a worker makes no keyword arguments';
  return isTypedValue(kwargs)
    ? [{ in: 'body', pointer, message }]
    : unreadable(pointer, unreadableAt(kwargs));
}

/** Pointers into the request as pointers into the member that stands at `start`. */
function below(start: string, pointers: readonly string[]): readonly string[] {
  return pointers.length === 0
    ? NONE
    : pointers
        .filter((pointer) => pointer === start || pointer.startsWith(`${start}/`))
        .map((pointer) => pointer.slice(start.length));
}
