import { createHash, timingSafeEqual } from 'node:crypto';
import type { ApiKey } from '../apiKeys.js';
import { NotAuthenticated } from '../errors.js';
import { contextOf } from './requestContext.js';
import type { Step } from './steps.js';

/** Lets pass who sends one of the keys, and notes its name. Without any keys, everybody passes. */
export function createAuthentication(keys: readonly ApiKey[]): Step {
  return (request, response) => {
    if (keys.length > 0) {
      const name = nameOf(request.get('x-api-key') ?? '', keys);
      if (name === undefined) {
        throw new NotAuthenticated();
      }
      const context = contextOf(response);
      context.client = name;
      context.fields.client_name = name;
    }
  };
}

/** Compares with every key, each time in full: how long it takes tells nothing of the keys. */
function nameOf(sent: string, keys: readonly ApiKey[]): string | undefined {
  const digest = createHash('sha256').update(sent).digest();
  let name: string | undefined;
  for (const key of keys) {
    if (timingSafeEqual(digest, key.digest)) {
      name = key.name;
    }
  }
  return name;
}
