import { ClientVisibleError } from '../../errors.js';
import type { Operation } from '../operation.js';

/** Says whether this instance should get traffic, or throws `not_ready`. */
export function createGetReadiness(dependencies: {
  isDraining: () => boolean;
  redisAnswers: () => Promise<boolean>;
}): Operation<'getReadiness'> {
  return async () => {
    if (dependencies.isDraining()) {
      throw new ClientVisibleError('not_ready', 'Not ready: the service is stopping');
    }
    if (!(await dependencies.redisAnswers())) {
      throw new ClientVisibleError('not_ready', 'Not ready: Redis does not answer');
    }
    return {
      status: 200,
      mediaType: 'application/json',
      body: { status: 'ready', timestamp: new Date().toISOString() },
    };
  };
}
