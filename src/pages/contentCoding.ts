import type { Request, Response } from 'express';
import Negotiator from 'negotiator';

/** The codings that answers are kept in, best first: a client that likes several the same gets the first of them. */
const CODINGS = ['br', 'gzip', 'identity'] as const;

export type ContentCoding = (typeof CODINGS)[number];

/**
 * The coding that a client wants most (RFC 9110, section 12.5.3), `identity` where it wants none of them. Adds
 * `Vary: Accept-Encoding` to the answer.
 */
export function negotiateCoding(request: Request, response: Response): ContentCoding {
  response.vary('Accept-Encoding');
  const negotiator = new Negotiator(request) as unknown as WithPreference;
  const [wanted] = negotiator.encodings(CODINGS, { preferred: CODINGS });
  return wanted ?? 'identity';
}

/** `encodings` as negotiator documents it; its types leave the second parameter out. */
interface WithPreference {
  encodings(
    available: readonly ContentCoding[],
    options: { preferred: readonly ContentCoding[] },
  ): ContentCoding[];
}
