import { isIP } from 'node:net';
import type { RequestHandler } from 'express';
import { rateLimitExceeded } from '../errors.js';
import { contextOf } from './requestContext.js';

/** Counts a request of this caller, and tells how the caller stands. Never rejects. */
export type CountRequest = (caller: string) => Promise<{
  isWithin: boolean;
  /** Requests in each window, and how many of them are left in this one. */
  limit: number;
  remaining: number;
  /** In seconds: the window, and what is left of it. */
  window: number;
  reset: number;
}>;

/**
 * Refuses the requests of a caller beyond its share. A caller is a key or, where no keys are asked for, an
 * address. Header fields are those of draft-ietf-httpapi-ratelimit-headers-10.
 */
export function createRateLimit(countRequest: CountRequest): RequestHandler {
  return async (request, response, next) => {
    const { client, headers } = contextOf(response);
    const caller = client === '' ? `address:${networkOf(request.ip ?? '')}` : `key:${client}`;
    const { isWithin, limit, remaining, window, reset } = await countRequest(caller);
    headers.push('RateLimit-Policy', `"default";q=${limit};w=${window}`);
    headers.push('RateLimit', `"default";r=${remaining};t=${reset}`);
    if (!isWithin) {
      throw rateLimitExceeded(limit, window, reset);
    }
    next();
  };
}

/**
 * The network of one subscriber: an IPv4 address, or the first 64 bits of an IPv6 address, of which a subscriber
 * has all addresses (RFC 6177). A proxy that is believed may name anything.
 */
export function networkOf(address: string): string {
  const bare = address.replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined || isIP(bare) === 4) {
    return mapped ?? bare;
  }
  if (isIP(bare) !== 6) {
    return 'unknown';
  }
  const [head = [], tail = []] = bare.split('::').map(groupsOf);
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0');
  const groups = [...head, ...zeros, ...tail].slice(0, 4).map((group) => parseInt(group, 16));
  return `${groups.map((group) => group.toString(16)).join(':')}::/64`;
}

/** An IPv4 address at the end takes the place of two groups, whatever they are. */
function groupsOf(text: string): string[] {
  const groups = text.split(':').filter((group) => group !== '');
  return groups.flatMap((group) => (group.includes('.') ? ['0', '0'] : [group]));
}
