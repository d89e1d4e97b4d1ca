import { runPython } from './tasks.js';

/** What a worker answers to `celery inspect stats`, as far as the specs look at it. */
export interface Stats {
  pool: { 'max-concurrency': number; processes?: number[]; implementation: string };
  autoscaler?: { max: number; min: number };
  prefetch_count: number;
  total: Record<string, number>;
  uptime: number;
  rusage: { maxrss: number };
}

/** Has Celery's own `app.control.inspect` ask the workers. Answers by their hostnames. */
export async function inspect<Reply>(
  redisUrl: string,
  [method, ...values]: readonly [string, ...string[]],
  variables: NodeJS.ProcessEnv = {},
): Promise<Record<string, Reply>> {
  const text = await runPython('celery_tools', ['inspect', method, ...values], {
    redisUrl,
    variables,
  });
  return (JSON.parse(text) ?? {}) as Record<string, Reply>;
}
