import type { Operation } from '../operation.js';

/** Tells of Redis, in a 200 whatever its state. */
export function createGetHealth(dependencies: {
  version: string;
  redisAnswers: () => Promise<boolean>;
}): Operation<'getHealth'> {
  return async () => {
    const healthy = await dependencies.redisAnswers();
    return {
      status: 200,
      mediaType: 'application/json',
      body: {
        status: 'ok',
        service: 'orchestrator',
        version: dependencies.version,
        redis_status: healthy ? 'healthy' : 'unhealthy',
        timestamp: new Date().toISOString(),
      },
    };
  };
}
