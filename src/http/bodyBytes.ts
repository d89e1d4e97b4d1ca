import type { IncomingMessage } from 'node:http';
import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { bodyTooLarge } from '../errors.js';

/** The bytes of a body can't be had; the message says why. */
export class UnreadableBody extends Error {
  override readonly name = 'UnreadableBody';
}

/**
 * Takes a body that is there to its last byte, as it is; undefined where there is more to it.
 *
 * @param limit in bytes
 * @param hold is told of bytes before they are kept; what it throws leaves them unread
 *
 * Throws bodyTooLarge.
 */
export function takeWhole(
  request: IncomingMessage,
  limit: number,
  hold: (bytes: number) => void,
): Buffer | undefined {
  if (!request.complete || request.destroyed || 'content-encoding' in request.headers) {
    return undefined;
  }
  const count = request.readableLength;
  if (count > limit) {
    throw bodyTooLarge(limit);
  }
  hold(count);
  const first = nextChunk(request) ?? NOTHING;
  return first.length === count ? first : joined(request, first);
}

function nextChunk(request: IncomingMessage): Buffer | null {
  return request.read() as Buffer | null;
}

/** Since 26, Node gives one chunk after the other. */
function joined(request: IncomingMessage, first: Buffer): Buffer {
  const chunks = [first];
  for (let chunk = nextChunk(request); chunk !== null; chunk = nextChunk(request)) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Reads a body, inflated where its Content-Encoding says so. After a failure the rest of it is still unread.
 *
 * @param limit in bytes, of what was sent and of what that inflates to
 * @param begin is called when nothing speaks against reading
 * @param hold is told of bytes before they are kept; what it throws ends the reading
 *
 * Rejects with bodyTooLarge, or with UnreadableBody for an unknown encoding, data that can't be inflated, a
 * client that went away.
 */
export async function readBytes(
  request: IncomingMessage,
  options: { limit: number; begin: () => void; hold: (bytes: number) => void },
): Promise<Buffer> {
  const { limit, begin, hold } = options;
  const { headers } = request;
  if (request.destroyed) {
    throw new UnreadableBody('request aborted');
  }
  const announced = Number(headers['content-length'] ?? 0);
  if (announced > limit) {
    throw bodyTooLarge(limit);
  }
  const encoding = headers['content-encoding'];
  const inflater = encoding === undefined ? undefined : createInflater(encoding.toLowerCase());
  let bytes: Buffer = NOTHING;
  let length = 0;
  const keep = (chunk: Buffer): void => {
    if (length + chunk.length > limit) {
      throw bodyTooLarge(limit);
    }
    hold(chunk.length);
    if (length === 0 && chunk.length === announced) {
      // Most bodies come in one piece, which nothing follows: it needs no copy.
      bytes = chunk;
    } else {
      bytes = appended(bytes, length, chunk, announced);
    }
    length += chunk.length;
  };
  begin();
  if (inflater === undefined) {
    await eachChunk(request, keep);
  } else {
    await inflate(request, inflater, limit, keep);
  }
  return bytes.subarray(0, length);
}

const NOTHING = Buffer.alloc(0);

/**
 * A Content-Length is only a promise: no more room than this is made before as many bytes are there. The first 64 kB that a
 * socket gives are more, so that what follows them needs no second copy of them.
 */
const LARGEST_FIRST_BYTES = 32 * 1024;

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
      throw bodyTooLarge(limit);
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
    // The listeners stay: to take them away costs as much as all the rest.
    let isOver = false;
    const fail = (error: Error): void => {
      if (!isOver) {
        isOver = true;
        source.pause();
        reject(error);
      }
    };
    source.on('data', (chunk: Buffer) => {
      try {
        if (!isOver) {
          use(chunk);
        }
      } catch (error) {
        fail(error as Error);
      }
    });
    source.on('end', () => {
      isOver = true;
      resolve();
    });
    source.on('close', () => {
      if (!isOver) {
        fail(new UnreadableBody('request aborted'));
      }
    });
    source.on('error', ({ message }) => {
      fail(new UnreadableBody(message));
    });
  });
}

/**
 * Writes a chunk behind the first `length` bytes of a Buffer, or of a larger one with the same bytes. One
 * for all chunks: as Buffers of their own, chunks of one byte would take a hundred times their room.
 */
function appended(bytes: Buffer, length: number, chunk: Buffer, expected: number): Buffer {
  let room = bytes;
  const needed = length + chunk.length;
  if (needed > room.length) {
    const promised =
      needed > LARGEST_FIRST_BYTES ? expected : Math.min(expected, LARGEST_FIRST_BYTES);
    room = Buffer.allocUnsafe(Math.max(needed, 2 * room.length, promised));
    bytes.copy(room, 0, 0, length);
  }
  chunk.copy(room, length);
  return room;
}
