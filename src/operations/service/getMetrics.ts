import type { Operation } from '../operation.js';

/** Tells a monitoring system what was counted. Throws `metrics_unavailable`. */
export function createGetMetrics(text: () => Promise<string>): Operation<'getMetrics'> {
  return async () => ({
    status: 200,
    mediaType: 'text/plain; version=0.0.4',
    body: await text(),
  });
}
