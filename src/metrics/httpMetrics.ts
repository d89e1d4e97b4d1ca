import { Counter, Gauge, type Registry } from 'prom-client';
import { createDurations, type DurationSeries } from './durations.js';

/** To be called for every request. A call costs some hundred nanoseconds once its series exists. */
export interface RequestMetrics {
  began: () => void;
  /**
   * @param route the operation and its path in the contract; undefined where there is none
   * @param status undefined for a request that was cut before its answer
   */
  ended: (
    route: { operationId: string; path: string } | undefined,
    method: string,
    status: number | undefined,
    seconds: number,
  ) => void;
}

/** The route of a request that the contract has no operation for. */
const UNMATCHED = { operationId: '', path: 'unmatched' };

/** In seconds. A small assignment takes about a millisecond, and no request more than a minute. */
const DURATION_BOUNDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** Methods with a label of their own (RFC 9110, section 9; RFC 5789). Node's some thirty others are `other`. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Counts and times requests. Labels hold no text of a client, so that clients can't make up series. */
export function createRequestMetrics(registry: Registry): RequestMetrics {
  /** By method, then by operation: two look-ups cost less than one key made of both. */
  const series = new Map<string, Map<string, Series>>();
  let inFlight = 0;

  const registers = [registry];
  const durations = createDurations(registry, {
    name: 'orchestrator_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer, by route of the contract and method.',
    labelNames: ['route', 'method'],
    bounds: DURATION_BOUNDS,
  });
  new Counter({
    name: 'orchestrator_http_requests_total',
    help: 'Requests that have ended, by route of the contract, method and status; the status "aborted" was cut before its answer.',
    labelNames: ['route', 'method', 'status'],
    registers,
    // Counts are kept in plain numbers and written at a scrape: prom-client's inc() looks series up by text.
    collect() {
      this.reset();
      for (const one of [...series.values()].flatMap((byOperation) => [...byOperation.values()])) {
        for (const [status, { count }] of one.byStatus) {
          this.inc({ route: one.route, method: one.method, status }, count);
        }
      }
    },
  });
  new Gauge({
    name: 'orchestrator_http_requests_in_flight',
    help: 'Requests that have begun and not ended, by all of the processes together.',
    registers,
    collect() {
      this.set(inFlight);
    },
  });

  const seriesOf = (route: typeof UNMATCHED, sentMethod: string): Series => {
    const method = METHODS.has(sentMethod) ? sentMethod : 'other';
    const byOperation = getOrMake(series, method, () => new Map<string, Series>());
    return getOrMake(byOperation, route.operationId, () => ({
      route: route.path,
      method,
      duration: durations.labels(route.path, method),
      byStatus: new Map(),
    }));
  };

  return {
    began() {
      inFlight += 1;
    },
    ended(route = UNMATCHED, method, status, seconds) {
      inFlight -= 1;
      const one = series.get(method)?.get(route.operationId) ?? seriesOf(route, method);
      one.duration.observe(seconds);
      getOrMake(one.byStatus, status ?? 'aborted', startCount).count += 1;
    },
  };
}

/** The counts of one operation and method. */
interface Series {
  route: string;
  method: string;
  duration: DurationSeries;
  byStatus: Map<number | 'aborted', { count: number }>;
}

function startCount(): { count: number } {
  return { count: 0 };
}

/** Returns the value under this key, and makes it where there is none. */
function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) {
    return known;
  }
  const value = make();
  map.set(key, value);
  return value;
}
