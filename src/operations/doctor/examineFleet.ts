import type { Operation } from '../operation.js';
import type { Diagnosis } from './diagnosis.js';

/** Answers with what does not fit between this service, Redis and the workers. Callers that ask at once share it. */
export function createExamineFleet(examine: () => Promise<Diagnosis>): Operation<'examineFleet'> {
  let examining: Promise<Diagnosis> | undefined;

  return async () => {
    examining ??= examine().finally(() => (examining = undefined));
    return { status: 200, mediaType: 'application/json', body: await examining };
  };
}
