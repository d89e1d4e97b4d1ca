import { createHash } from 'node:crypto';
import { idempotencyKeyReused } from '../../errors.js';

/** The record that the first request with an Idempotency-Key leaves for the others. */
interface Kept {
  /** The SHA-256 of the request's body, in hexadecimal digits: bodies are compared byte by byte. */
  body: string;
  /** JSON that the answer can be made of. */
  answer: unknown;
}

/**
 * The claim of a request with an Idempotency-Key.
 *
 * @param client whose key it is: two clients may choose the same one
 * @param body the request's, as it was sent
 */
export function claimFor(
  request: { client: string; idempotencyKey: string; body: Buffer },
  answer: object,
): { key: string; value: string } {
  const kept: Kept = { body: digest(request.body), answer };
  // Neither a client's name nor a key has a line break in it.
  const key = digest(`${request.client}\n${request.idempotencyKey}`);
  return { key, value: JSON.stringify(kept) };
}

/**
 * The answer to the first request with this key, out of its record.
 *
 * @throws idempotencyKeyReused where that one had another body
 */
export function answerBefore(kept: string, body: Buffer): unknown {
  const { body: first, answer } = JSON.parse(kept) as Kept;
  if (first !== digest(body)) {
    throw idempotencyKeyReused();
  }
  return answer;
}

function digest(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
