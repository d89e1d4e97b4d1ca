import type { Expiry, TaskOptions } from '../../celery/wire/message.js';
import type { components } from '../../contract/openapi.js';
import type { RequestFault } from '../../errors.js';
import type { JsonText } from '../../json/jsonText.js';
import { scanJson } from '../../json/scanJson.js';

/** Limits of this installation. */
export interface OptionLimits {
  /** Queues that a sender may choose. */
  queues: () => readonly string[];
  /** In seconds: how far ahead an eta may be. */
  longestDelay: number;
}

type Options = components['schemas']['TaskOptions'];

/**
 * The options of a task, which fit their schema, as they go into its message; and what is wrong with them
 * beyond their schema.
 *
 * @param sent the same options as they were sent
 */
export function readTaskOptions(
  options: Options,
  sent: JsonText,
  limits: OptionLimits,
): { options: TaskOptions; faults: readonly RequestFault[] } {
  const faults: RequestFault[] = [];
  const now = Date.now();
  const find = (name: keyof Options, message: string | undefined): void => {
    if (message !== undefined) {
      faults.push({ in: 'body', pointer: `/options/${name}`, message });
    }
  };
  const { queue, countdown, time_limit, soft_time_limit } = options;
  const queues = queue === undefined ? NO_QUEUES : limits.queues();
  if (queue !== undefined && !queues.includes(queue)) {
    find('queue', `must be one of [${queues.join(', ')}]`);
  }
  if (time_limit !== undefined && (soft_time_limit ?? 0) > time_limit) {
    find('soft_time_limit', 'must not be more than time_limit');
  }
  if (countdown !== undefined && options.eta !== undefined) {
    find('eta', 'must not be given together with countdown');
  }
  const eta = momentOf(options.eta) ?? momentAfter(countdown, now);
  find(countdown === undefined ? 'eta' : 'countdown', faultOfEta(eta, now, limits.longestDelay));
  const expires = expiryOf(options.expires, now);
  find('expires', faultOfExpiry(expires));
  return {
    options: {
      eta,
      expires,
      timeLimit: time_limit,
      softTimeLimit: soft_time_limit,
      headers: options.headers === undefined ? NONE : headersIn(sent),
    },
    faults,
  };
}

/** The options of a request, and those that its type has besides, but for defaults that contradict them. */
export function withDefaults(options: Options, defaults: Options): Options {
  const { countdown, soft_time_limit, ...others } = defaults;
  const isTimed = options.eta !== undefined;
  const isShorter = (options.time_limit ?? Infinity) < (soft_time_limit ?? 0);
  return {
    ...others,
    ...(countdown !== undefined && !isTimed && { countdown }),
    ...(soft_time_limit !== undefined && !isShorter && { soft_time_limit }),
    ...options,
  };
}

const NO_QUEUES: readonly string[] = [];
const NONE: ReadonlyMap<string, string> = new Map();

/** The schema's `maximum`, in seconds. */
const LONGEST_EXPIRY = 315_360_000;

/** As in `as_task_v2` of celery/app/amqp.py, a countdown of 0 is none. */
function momentAfter(seconds: number | undefined, now: number): number | undefined {
  return seconds === undefined || seconds === 0 ? undefined : now + Math.round(seconds * 1_000);
}

/** The moment of an RFC 3339 date, whose separators JavaScript is stricter about; NaN for a leap second. */
function momentOf(text: string | undefined): number | undefined {
  const match = /^(\S{10})[t\s]([\d:.]+)(?:z|([+-]\d\d):?(\d\d)?)$/i.exec(text ?? '');
  if (match === null) {
    return text === undefined ? undefined : NaN;
  }
  const [, date = '', time = '', hours, minutes = '00'] = match;
  return Date.parse(`${date}T${time}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`);
}

function faultOfEta(
  eta: number | undefined,
  now: number,
  longestDelay: number,
): string | undefined {
  if (eta === undefined) {
    return undefined;
  }
  if (!(eta >= 0)) {
    return 'must be a date since 1970';
  }
  return eta > now + longestDelay * 1_000
    ? `must be at most ${longestDelay} seconds from now: with more, the broker's visibility timeout ` +
        'could end before the task, which would run twice'
    : undefined;
}

function expiryOf(expires: Options['expires'], now: number): Expiry | undefined {
  if (typeof expires === 'number') {
    return { at: now + Math.round(expires * 1_000), seconds: expires };
  }
  const at = momentOf(expires);
  return at === undefined ? undefined : { at, seconds: (at - now) / 1_000 };
}

function faultOfExpiry(expires: Expiry | undefined): string | undefined {
  if (expires === undefined) {
    return undefined;
  }
  if (!(expires.seconds > 0)) {
    return 'must be in the future';
  }
  return expires.seconds > LONGEST_EXPIRY ? 'must be within ten years' : undefined;
}

/** The last of two headers with the same name counts. */
function headersIn({ bytes }: JsonText): ReadonlyMap<string, string> {
  const headers = scanJson(bytes).member('headers');
  const members = headers === undefined ? [] : scanJson(headers).members();
  return new Map(Array.from(members, ([name, value]) => [name, value.toString()]));
}
