import { parseExact, writeExact, type ExactValue } from '../json/exactJson.js';
import { scanJson } from '../json/scanJson.js';
import { decompress, GZIP } from './compression.js';
import { withoutKombuObjects } from './kombuTypes.js';

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
  plainText: () => string;
}

/** What Redis holds is no result that this service can read. `message` says why, for the caller. */
export class UnreadableResult extends Error {
  override readonly name = 'UnreadableResult';
}

/** Reads what Redis holds under a task's key. Rejects with UnreadableResult. */
export async function readStoredResult(payload: Buffer): Promise<StoredResult> {
  const text = decode(await inflate(payload));
  const isStrict = assertJson(text);
  const { members } = scanJson(text);
  const state = textMember(members, 'status');
  if (state === undefined) {
    throw new UnreadableResult("the stored result is not Celery's");
  }
  const result = members.get('result') ?? 'null';
  return {
    state,
    dateDone: withOffset(textMember(members, 'date_done')),
    traceback: textMember(members, 'traceback'),
    exact: () => parse(result),
    plainText: () =>
      isStrict && !result.includes('__type__')
        ? result
        : writeExact(withoutKombuObjects(parse(result))),
  };
}

/** `COMPRESSED_PAYLOAD_MAGIC` of celery/backends/base.py; the content type and a zero byte follow. */
const COMPRESSED = Buffer.from('\0celery-compressed\0');

/** `decompress_payload` of celery/backends/base.py. */
async function inflate(payload: Buffer): Promise<Buffer> {
  if (!payload.subarray(0, COMPRESSED.length).equals(COMPRESSED)) {
    return payload;
  }
  const end = payload.indexOf(0, COMPRESSED.length);
  const contentType = payload.toString('latin1', COMPRESSED.length, end);
  if (contentType !== GZIP) {
    throw new UnreadableResult(
      `the stored result is compressed as ${JSON.stringify(contentType)}, which this service can't ` +
        "decompress; have the workers use result_compression='gzip'",
    );
  }
  return decompress(payload.subarray(end + 1)).catch((cause: unknown) => {
    throw new UnreadableResult("the stored result is damaged: it can't be decompressed", { cause });
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

/** Says whether JSON.parse takes it; otherwise it holds `NaN` or `Infinity`, or is refused. */
function assertJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    parse(text);
    return false;
  }
}

function parse(text: string): ExactValue {
  try {
    return parseExact(text);
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? 'is not JSON' : 'is more than Python could read';
    throw new UnreadableResult(`the stored result ${reason}`, { cause });
  }
}

function textMember(members: ReadonlyMap<string, string>, name: string): string | undefined {
  const text = members.get(name);
  const value: unknown = text === undefined ? undefined : JSON.parse(text);
  return typeof value === 'string' ? value : undefined;
}

/** Celery writes its own time, UTC unless told otherwise, before 5.4 without saying so. */
function withOffset(date: string | undefined): string | undefined {
  return date === undefined || /(Z|[+-]\d\d:\d\d)$/.test(date) ? date : `${date}+00:00`;
}
