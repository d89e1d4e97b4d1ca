import { isList, type ExactValue } from '../../json/exactJson.js';
import { pointerPart } from '../../json/jsonPointer.js';

/**
 * A Python value for which JSON has no form, as kombu writes it: `{"__type__": …, "__value__": …}`
 * (kombu/utils/json.py).
 */
export interface KombuObject {
  /** The form for clients without Python: ISO 8601, decimal or UUID text, bytes as their text or as base64. */
  plain: string;
  str: () => string;
  repr: () => string;
  bytes?: Buffer;
}

/** The value that kombu makes of this object, or undefined where it is an ordinary one. */
export function kombuObjectOf(value: ExactValue): KombuObject | undefined {
  if (!(value instanceof Map) || value.size !== 2) {
    return undefined;
  }
  const members = value as ReadonlyMap<string, ExactValue>;
  const [type, inner] = [members.get('__type__'), members.get('__value__')];
  return typeof type === 'string' && inner !== undefined
    ? TYPES.get(type)?.(inner, type)
    : undefined;
}

/** The same value in plain JSON. What kombu does not know by itself is left as it is. */
export function withoutKombuObjects(value: ExactValue): ExactValue {
  if (isList(value)) {
    return value.map(withoutKombuObjects);
  }
  if (!(value instanceof Map)) {
    return value;
  }
  const object = kombuObjectOf(value);
  return (
    object?.plain ??
    new Map(Array.from(value, ([key, member]) => [key, withoutKombuObjects(member as ExactValue)]))
  );
}

/**
 * The JSON pointer of an object that looks like one of kombu's but is in no form that kombu itself writes.
 * A worker that can't read it drops the whole message, without a result (`on_decode_error` in
 * celery/worker/consumer/consumer.py).
 */
export function findUnreadable(value: ExactValue): string | undefined {
  if (isList(value)) {
    return findAmong(value.entries());
  }
  if (!(value instanceof Map)) {
    return undefined;
  }
  const members = value as ReadonlyMap<string, ExactValue>;
  const isKombus = members.size === 2 && members.has('__type__') && members.has('__value__');
  return isKombus && kombuObjectOf(members) === undefined ? '' : findAmong(members);
}

function findAmong(members: Iterable<readonly [string | number, ExactValue]>): string | undefined {
  for (const [key, member] of members) {
    const pointer = findUnreadable(member);
    if (pointer !== undefined) {
      return `${pointerPart(key)}${pointer}`;
    }
  }
  return undefined;
}

type Decode = (value: ExactValue, type: string) => KombuObject | undefined;

/** `_decoders` of kombu/utils/json.py. */
const TYPES: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['bytes', bytesObject],
  ['base64', bytesObject],
  ['datetime', (value) => text(value, DATE_TIME, datetimeOf)],
  ['date', (value) => text(value, DATE, dateOf)],
  ['time', (value) => text(value, TIME, timeOf)],
  ['decimal', (value) => text(value, DECIMAL, decimalOf)],
  ['uuid', uuidOf],
]);

function text(
  value: ExactValue,
  pattern: RegExp,
  decode: (text: string) => KombuObject | undefined,
): KombuObject | undefined {
  return typeof value === 'string' && pattern.test(value) ? decode(value) : undefined;
}

function objectOf(plain: string, str: string, repr: string): KombuObject {
  return { plain, str: () => str, repr: () => repr };
}

/** An exponent of 18 digits may be beyond Python's `decimal.MAX_EMAX`. */
const DECIMAL = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,17})?|Infinity|s?NaN\d{0,17})$/;

function decimalOf(plain: string): KombuObject {
  return objectOf(plain, plain, `Decimal('${plain}')`);
}

function uuidOf(value: ExactValue): KombuObject | undefined {
  const hex = value instanceof Map && value.size === 1 ? (value.get('hex') as unknown) : undefined;
  if (typeof hex !== 'string' || !/^[0-9a-f]{32}$/i.test(hex)) {
    return undefined;
  }
  const plain = hex.toLowerCase().replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  return objectOf(plain, plain, `UUID('${plain}')`);
}

function bytesObject(value: ExactValue, type: string): KombuObject | undefined {
  if (typeof value !== 'string' || !(type === 'base64' ? isBase64 : isWellFormed)(value)) {
    return undefined;
  }
  const bytes = Buffer.from(value, type === 'base64' ? 'base64' : 'utf8');
  return { plain: value, str: () => bytesRepr(bytes), repr: () => bytesRepr(bytes), bytes };
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

/** No UTF-8 exists for half of a surrogate pair. */
function isWellFormed(text: string): boolean {
  return !/\p{Cs}/u.test(text);
}

/** CPython's `PyBytes_Repr` (Objects/bytesobject.c). */
function bytesRepr(bytes: Buffer): string {
  const quote = bytes.includes("'") && !bytes.includes('"') ? '"' : "'";
  const characters = Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    if (character === quote || character === '\\') {
      return `\\${character}`;
    }
    const named = { '\t': '\\t', '\n': '\\n', '\r': '\\r' }[character];
    return named ?? (byte < 0x20 || byte > 0x7e ? `\\x${hexOf(byte)}` : character);
  });
  return `b${quote}${characters.join('')}${quote}`;
}

function hexOf(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

// The forms that `isoformat()` writes; every Python that runs Celery 5 reads them.
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const CLOCK = String.raw`([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{3}|\d{6}))?)?`;
const OFFSET = String.raw`(?:([+-])([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?)?`;
const TIME = new RegExp(`^${CLOCK}${OFFSET}$`);
const DATE_TIME = /^(\d{4}-\d\d-\d\d)[T ](.+)$/;

function dateOf(plain: string): KombuObject | undefined {
  const parts = datePartsOf(plain);
  return parts && objectOf(plain, plain, `datetime.date(${parts.join(', ')})`);
}

function timeOf(plain: string): KombuObject | undefined {
  const parts = timePartsOf(plain);
  return parts && objectOf(plain, plain, `datetime.time(${parts.join(', ')})`);
}

function datetimeOf(plain: string): KombuObject | undefined {
  const [, date = '', time = ''] = DATE_TIME.exec(plain) ?? [];
  const [dateParts, timeParts] = [datePartsOf(date), timePartsOf(time)];
  if (dateParts === undefined || timeParts === undefined) {
    return undefined;
  }
  const parts = [...dateParts, ...timeParts].join(', ');
  return objectOf(plain, `${date} ${time}`, `datetime.datetime(${parts})`);
}

function datePartsOf(date: string): number[] | undefined {
  const [year = 0, month = 0, day = 0] = (DATE.exec(date) ?? []).slice(1).map(Number);
  const isReal = year > 0 && new Date(`${date}T00:00:00Z`).getUTCDate() === day;
  return isReal ? [year, month, day] : undefined;
}

/** The arguments that `time_repr` (Modules/_datetimemodule.c) shows: seconds only where there are any. */
function timePartsOf(time: string): (number | string)[] | undefined {
  const match = TIME.exec(time);
  if (match === null) {
    return undefined;
  }
  const [, hour, minute, second = '0', fraction = '', ...offset] = match;
  const microsecond = Number(fraction.padEnd(6, '0'));
  const parts: (number | string)[] = [Number(hour), Number(minute)];
  if (Number(second) > 0 || microsecond > 0) {
    parts.push(Number(second));
  }
  if (microsecond > 0) {
    parts.push(microsecond);
  }
  return offset[0] === undefined ? parts : [...parts, `tzinfo=${timezoneRepr(offset)}`];
}

/** `timezone_repr` and `delta_repr` (Modules/_datetimemodule.c). */
function timezoneRepr([sign, ...parts]: readonly (string | undefined)[]): string {
  const [hours = 0, minutes = 0, seconds = 0] = parts.map((part) => Number(part ?? 0));
  const offset = (hours * 60 + minutes) * 60 + seconds;
  if (offset === 0) {
    return 'datetime.timezone.utc';
  }
  const delta = sign === '-' ? `days=-1, seconds=${86_400 - offset}` : `seconds=${offset}`;
  return `datetime.timezone(datetime.timedelta(${delta}))`;
}
