import { promisify } from 'node:util';
import { deflate, inflate } from 'node:zlib';

/** kombu's gzip, in its registry and on the wire, is zlib (kombu/compression.py). */
export const GZIP = 'application/x-gzip';

export const compress = promisify(deflate);

/** Rejects where the payload is damaged; with a RangeError where it holds more than 64 MB. */
export function decompress(payload: Buffer): Promise<Buffer> {
  return promisify<Buffer, { maxOutputLength: number }, Buffer>(inflate)(payload, {
    maxOutputLength: 64 * 1024 * 1024,
  });
}
