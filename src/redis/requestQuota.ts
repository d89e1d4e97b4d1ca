import type { Redis } from 'ioredis';
import {
  RateLimiterMemory,
  RateLimiterRedis,
  RateLimiterRes,
  type RateLimiterAbstract,
} from 'rate-limiter-flexible';
import { within } from './connection.js';

/** How a caller stands in the current window. */
export interface Quota {
  isWithin: boolean;
  /** Requests in each window, and how many of them are left in this one. */
  limit: number;
  remaining: number;
  /** In seconds: the window, and what is left of it. */
  window: number;
  reset: number;
}

export interface QuotaOptions {
  /** `global_keyprefix` of the server that counts; may be empty. */
  keyPrefix: string;
  /** Requests of one caller in a minute. */
  perMinute: number;
  /** Called when this process begins to count on its own, as Redis does not count. */
  onAlone: (cause: unknown) => void;
}

/** In seconds. */
const WINDOW = 60;

/** How long a request waits for Redis to count it, in milliseconds. */
const PATIENCE_MS = 100;

/**
 * Returns the function that counts a request of a caller, in Redis and so for all replicas. Where Redis does
 * not answer at once, this process counts on its own. It never rejects.
 *
 * The library's own `insuranceLimiter` is not used: it hears of errors alone, not of a Redis that is silent,
 * and would count such a request a second time when its connection is given up at last.
 */
export function createRequestQuota(
  redis: Redis,
  { keyPrefix, perMinute, onAlone }: QuotaOptions,
): (caller: string) => Promise<Quota> {
  const options = { points: perMinute, duration: WINDOW };
  const shared = new RateLimiterRedis({
    ...options,
    storeClient: redis,
    keyPrefix: `${keyPrefix}orchestrator:quota`,
  });
  const own = new RateLimiterMemory(options);
  let isAlone = false;

  return async (caller) => {
    let cause: unknown = 'no answer in time';
    const counted = count(shared, caller, perMinute).catch((error: unknown) => {
      cause = error;
      return undefined;
    });
    const quota = await within(PATIENCE_MS, counted);
    if (quota === undefined && !isAlone) {
      onAlone(cause);
    }
    isAlone = quota === undefined;
    return quota ?? count(own, caller, perMinute);
  };
}

/** The library rejects with its answer where the quota is used up. */
async function count(limiter: RateLimiterAbstract, caller: string, limit: number): Promise<Quota> {
  let isWithin = true;
  const answer = await limiter.consume(caller).catch((refusal: unknown) => {
    if (!(refusal instanceof RateLimiterRes)) {
      throw refusal;
    }
    isWithin = false;
    return refusal;
  });
  return {
    isWithin,
    limit,
    remaining: answer.remainingPoints,
    window: WINDOW,
    // A caller that comes back after so many seconds is in the next window.
    reset: Math.max(1, Math.ceil(answer.msBeforeNext / 1_000)),
  };
}
