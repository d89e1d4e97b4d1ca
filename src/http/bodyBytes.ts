import type { IncomingMessage } from 'node:http';
import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { BodyTooLarge } from '../errors.js';

/** The bytes of a body can't be had; the message says why. */
export class UnreadableBody extends Error {
  override readonly name = 'UnreadableBody';
}

/**
 * Reads a body, inflated where its Content-Encoding says so. After a failure the rest of it is still unread.
 *
 * @param limit in bytes, of what was sent and of what that inflates to
 * @param begin is called when nothing speaks against reading
 * @param hold is told of bytes before they are kept; what it throws ends the reading
 * @throws BodyTooLarge
 * @throws UnreadableBody for an unknown encoding, data that can't be inflated, a client that went away
 */
export async function readBytes(
  request: IncomingMessage,
  options: { limit: number; begin: () => void; hold: (bytes: number) => void },
): Promise<Buffer> {
  const { limit, begin, hold } = options;
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > limit) {
    throw new BodyTooLarge(limit);
  }
  const encoding = (request.headers['content-encoding'] ?? 'identity').toLowerCase();
  const inflater = createInflater(encoding);
  const kept = createGrowingBuffer(Math.min(announced, LARGEST_FIRST_BYTES));
  const keep = (chunk: Buffer): void => {
    if (kept.length() + chunk.length > limit) {
      throw new BodyTooLarge(limit);
    }
    hold(chunk.length);
    kept.append(chunk);
  };
  begin();
  if (inflater === undefined) {
    await eachChunk(request, keep);
  } else {
    await inflate(request, inflater, limit, keep);
  }
  return kept.bytes();
}

/** A Content-Length is only a promise: no more room than this is made before the bytes are there. */
const LARGEST_FIRST_BYTES = 64 * 1024;

/** The encodings that body-parser knows; undefined for a body as it is. */
function createInflater(encoding: string): Transform | undefined {
  switch (encoding) {
    case 'identity':
      return undefined;
    case 'gzip':
      return createGunzip();
    case 'deflate':
      return createInflate();
    case 'br':
      return createBrotliDecompress();
    default:
      throw new UnreadableBody(`unsupported content encoding "${encoding}"`);
  }
}

/** The input is bounded too: a stream may go on for ever without inflating to anything. */
async function inflate(
  request: IncomingMessage,
  inflater: Transform,
  limit: number,
  keep: (chunk: Buffer) => void,
): Promise<void> {
  let received = 0;
  const feeding = eachChunk(request, (chunk) => {
    received += chunk.length;
    if (received > limit) {
      throw new BodyTooLarge(limit);
    }
  });
  request.pipe(inflater);
  try {
    // Where inflating ends first, be it by a fault, nothing more is wanted of the request.
    await Promise.all([feeding, eachChunk(inflater, keep)]);
  } finally {
    request.unpipe(inflater);
    request.pause();
    inflater.destroy();
  }
}

/** Hands on each chunk until the end. Rejects where the stream ends otherwise, or `use` throws. */
function eachChunk(source: Readable, use: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      source.off('data', onData);
      source.off('end', onEnd);
      source.off('close', onClose);
    };
    const fail = (error: Error): void => {
      settle();
      source.pause();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      try {
        use(chunk);
      } catch (error) {
        fail(error as Error);
      }
    };
    const onEnd = (): void => {
      settle();
      resolve();
    };
    const onClose = (): void => {
      fail(new UnreadableBody('request aborted'));
    };
    source.on('data', onData);
    source.on('end', onEnd);
    source.on('close', onClose);
    // It stays for errors after the first one: nobody else listens to them.
    source.on('error', ({ message }) => {
      fail(new UnreadableBody(message));
    });
  });
}

/** One Buffer for all chunks: as Buffers of their own, chunks of one byte would take a hundred times their room. */
function createGrowingBuffer(expected: number): {
  append: (chunk: Buffer) => void;
  length: () => number;
  bytes: () => Buffer;
} {
  let bytes = Buffer.allocUnsafe(expected);
  let length = 0;

  return {
    append(chunk) {
      const needed = length + chunk.length;
      if (needed > bytes.length) {
        const larger = Buffer.allocUnsafe(Math.max(needed, 2 * bytes.length));
        bytes.copy(larger, 0, 0, length);
        bytes = larger;
      }
      chunk.copy(bytes, length);
      length = needed;
    },
    length: () => length,
    bytes: () => bytes.subarray(0, length),
  };
}
