import { createHash } from 'node:crypto';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Request, Response } from 'express';
import { writeJson } from '../json/jsonText.js';
import { negotiateCoding, type ContentCoding } from '../pages/contentCoding.js';
import { setHeaders } from './requestContext.js';

/** A reply whose object is the same for every request. */
export interface ConstantReply {
  status: number;
  mediaType: string;
  body: object | string;
}

/** Shorter bodies are not compressed: the headers that name a coding would take what it saves. */
const WORTHWHILE_BYTES = 1_024;

/**
 * Returns what sends such a reply in the coding that the client wants most, or 304 if the client has it. Caches
 * ask each time whether it is still the same: it changes with the installation, and its address does not.
 */
export function createConstantReplies(): (
  request: Request,
  response: Response,
  reply: ConstantReply,
) => void {
  const known = new WeakMap<ConstantReply, Kept>();

  return (request, response, reply) => {
    const kept = known.get(reply) ?? keep(reply);
    known.set(reply, kept);
    setHeaders(response);
    const { bytes, digest, encodings } = kept;
    const isWorthwhile = bytes.length >= WORTHWHILE_BYTES;
    const coding = isWorthwhile ? negotiateCoding(request, response) : 'identity';
    response.status(reply.status).set('Cache-Control', 'no-cache');
    response.set('ETag', `"${digest}-${coding}"`);
    if (request.fresh) {
      response.status(304).end();
      return;
    }
    const encoded = encodings.get(coding) ?? encode(bytes, coding);
    encodings.set(coding, encoded);
    if (coding !== 'identity') {
      response.set('Content-Encoding', coding);
    }
    response.set('Content-Type', `${reply.mediaType}; charset=utf-8`);
    response.set('Content-Length', String(encoded.length)).end(encoded);
  };
}

interface Kept {
  bytes: Buffer;
  digest: string;
  /** Codings that somebody has asked for. */
  encodings: Map<ContentCoding, Buffer>;
}

function keep({ body }: ConstantReply): Kept {
  const bytes = Buffer.from(typeof body === 'string' ? body : writeJson(body));
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  return { bytes, digest, encodings: new Map() };
}

function encode(bytes: Buffer, coding: ContentCoding): Buffer {
  switch (coding) {
    case 'br':
      return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });
    case 'gzip':
      return gzipSync(bytes, { level: 9 });
    case 'identity':
      return bytes;
  }
}
