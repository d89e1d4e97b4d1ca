import { isUtf8 } from 'node:buffer';
import { parseExact, writeExact, type ExactValue } from '../../json/exactJson.js';
import { JsonText } from '../../json/jsonText.js';
import { scanJson, type JsonScan } from '../../json/scanJson.js';
import { decompress, GZIP } from '../wire/compression.js';
import { withoutKombuObjects } from '../python/kombuTypes.js';

/** A task's metadata as a worker has stored it (`_get_result_meta` of celery/backends/base.py). */
export interface StoredResult {
  /** Celery's own word (celery/states.py), or a task's own. */
  state: string;
  /** When the task has ended, ISO 8601 with an offset. */
  dateDone: string | undefined;
  traceback: string | undefined;
  /** The result, a state's own meta or an exception, as Celery has written it. */
  exact: () => ExactValue;
  /** The same as JSON that any client can read. */
  plain: () => JsonText;
}

/** Redis holds no result that this service can read. `message` says why, for the caller. */
export class UnreadableResult extends Error {
  override readonly name = 'UnreadableResult';
}

/** Reads what Redis holds under a task's key, at once unless it is compressed. Throws UnreadableResult. */
export function readStoredResult(payload: Buffer): StoredResult | Promise<StoredResult> {
  const isCompressed =
    payload[0] === COMPRESSED[0] && payload.subarray(0, COMPRESSED.length).equals(COMPRESSED);
  return isCompressed ? inflate(payload).then(storedResultOf) : storedResultOf(payload);
}

function storedResultOf(payload: Buffer): StoredResult {
  return readUnchanged(payload) ?? readExactly(payload);
}

/**
 * How Celery writes the meta of a task that has succeeded: the order of `_get_result_meta` in celery/backends/base.py,
 * and the spaces of Python's json.dumps.
 */
const BEFORE_RESULT = '{"status": "SUCCESS", "result": ';
const AFTER_RESULT = ', "traceback": ';

/** What a client may not be able to read, or not as it is meant; within a string it may stand for nothing. */
const UNUSUAL = ['NaN', 'Infinity', '__type__'];

/**
 * Reads a result whose bytes can be handed on as they are, without a walk through them: a large one would cost as many
 * microseconds as it has hundreds of bytes. Undefined for anything unusual, which `readExactly` reads.
 *
 * Trusted is that a text that begins and ends as Celery's is JSON in between: one value, the result. The first
 * `, "traceback": ` is the meta's own where what follows completes an object: it stands in no string, whose quotes would
 * be escaped, and in no other object, whose bracket would be left over.
 */
function readUnchanged(payload: Buffer): StoredResult | undefined {
  if (payload.toString('latin1', 0, BEFORE_RESULT.length) !== BEFORE_RESULT || !isUtf8(payload)) {
    return undefined;
  }
  const end = payload.indexOf(AFTER_RESULT, BEFORE_RESULT.length);
  if (end < 0) {
    return undefined;
  }
  const result = payload.subarray(BEFORE_RESULT.length, end);
  const rest = restOf(payload, end);
  if (rest === undefined || UNUSUAL.some((text) => result.includes(text))) {
    return undefined;
  }
  return {
    state: 'SUCCESS',
    dateDone: withOffset(textOrNothing(rest.date_done)),
    traceback: textOrNothing(rest.traceback),
    exact: () => parse(result.toString()),
    plain: () => new JsonText(result),
  };
}

/** The members behind the result; undefined where they are none, or count in place of those before. */
function restOf(payload: Buffer, end: number): Readonly<Record<string, unknown>> | undefined {
  try {
    const rest = JSON.parse(`{${payload.toString('utf8', end + 2)}`) as Record<string, unknown>;
    return 'status' in rest || 'result' in rest ? undefined : rest;
  } catch {
    return undefined;
  }
}

/** Reads a result member by member. Throws UnreadableResult. */
export function readExactly(payload: Buffer): StoredResult {
  const meta = membersOf(decode(payload), payload);
  const state = meta.text('status');
  if (state === undefined) {
    throw new UnreadableResult("the stored result is not Celery's");
  }
  return {
    state,
    dateDone: withOffset(meta.text('date_done')),
    traceback: meta.text('traceback'),
    exact: () => meta.exact('result'),
    plain: () => new JsonText(meta.plainText('result')),
  };
}

/** The members of the stored object. */
interface Members {
  /** Undefined where it is no text. */
  text: (name: string) => string | undefined;
  /** Null where there is none. */
  exact: (name: string) => ExactValue;
  plainText: (name: string) => string;
}

function membersOf(text: string, bytes: Buffer): Members {
  let scan: JsonScan;
  try {
    scan = scanJson(bytes);
  } catch {
    // It is broken, or it holds what Python takes for JSON and the grammar doesn't have: NaN, Infinity.
    return exactMembers(parse(text));
  }
  const member = (name: string): string => scan.member(name)?.toString() ?? 'null';
  return {
    text: (name) => textOrNothing(JSON.parse(member(name))),
    exact: (name) => parse(member(name)),
    plainText(name) {
      const own = member(name);
      return own.includes('__type__') ? writePlain(parse(own)) : own;
    },
  };
}

function exactMembers(value: ExactValue): Members {
  const members: ReadonlyMap<string, ExactValue> = value instanceof Map ? value : new Map();
  const member = (name: string): ExactValue => members.get(name) ?? null;
  return {
    text: (name) => textOrNothing(member(name)),
    exact: member,
    plainText: (name) => writePlain(member(name)),
  };
}

function writePlain(value: ExactValue): string {
  return writeExact(withoutKombuObjects(value));
}

function textOrNothing(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** `COMPRESSED_PAYLOAD_MAGIC` of celery/backends/base.py; the content type and a zero byte follow. */
const COMPRESSED = Buffer.from('\0celery-compressed\0');

/** `decompress_payload` of celery/backends/base.py. */
async function inflate(payload: Buffer): Promise<Buffer> {
  const end = payload.indexOf(0, COMPRESSED.length);
  const contentType = payload.toString('latin1', COMPRESSED.length, end);
  if (contentType !== GZIP) {
    throw new UnreadableResult(
      `the stored result is compressed as ${JSON.stringify(contentType)}, which this service can't ` +
        "decompress; have the workers use result_compression='gzip'",
    );
  }
  return decompress(payload.subarray(end + 1)).catch((cause: unknown) => {
    const isTooLarge = cause instanceof RangeError;
    const reason = isTooLarge
      ? 'more than 64 MB when decompressed'
      : "damaged: it can't be decompressed";
    throw new UnreadableResult(`the stored result is ${reason}`, { cause });
  });
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The opcode PROTO, with which every pickle since protocol 2 begins (Python's pickletools.py). */
const PICKLE = 0x80;

function decode(payload: Buffer): string {
  try {
    return utf8.decode(payload);
  } catch (cause) {
    throw payload[0] === PICKLE
      ? new UnreadableResult(
          "the stored result is a pickle; have the workers use result_serializer='json'",
        )
      : new UnreadableResult('the stored result is not JSON', { cause });
  }
}

function parse(text: string): ExactValue {
  try {
    return parseExact(text, { allowsInfinity: true });
  } catch (cause) {
    const reason =
      cause instanceof SyntaxError
        ? 'is not JSON'
        : 'is nested too deeply, or has too long a number';
    throw new UnreadableResult(`the stored result ${reason}`, { cause });
  }
}

/** Celery writes UTC unless told otherwise; some versions don't say so. */
function withOffset(date: string | undefined): string | undefined {
  const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(date ?? '');
  return match === null || match[1] !== undefined ? match?.[0] : `${match[0]}+00:00`;
}
