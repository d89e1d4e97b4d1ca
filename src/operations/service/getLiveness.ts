import type { ReplyOf } from '../operation.js';

/** Answers as long as the process does. */
export function getLiveness(): ReplyOf<'getLiveness'> {
  return {
    status: 200,
    mediaType: 'application/json',
    body: { status: 'alive', timestamp: new Date().toISOString() },
  };
}
