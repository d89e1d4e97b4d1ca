// Rules of redocly.yaml that Redocly has not got: what generators make bad names of, or leave out.

import { SCOPES } from './dist/src/contract/scopes.js';

export default () => ({
  id: 'contract',
  rules: {
    oas3: {
      'named-types': namedTypes,
      'complete-types': completeTypes,
      'scoped-operations': scopedOperations,
    },
  },
});

/** What asks for a key says what the key has to be good for, and what a key that is not gets. */
function scopedOperations() {
  return {
    Operation({ security = [], 'x-scope': scope, responses = {} }, { report, location }) {
      if (security.length > 0 && !SCOPES.includes(scope)) {
        report({ message: `An operation with security: x-scope is one of ${SCOPES}`, location });
      }
      if (scope !== undefined && responses['403'] === undefined) {
        report({ message: 'An operation with x-scope has a 403', location });
      }
      if (scope !== undefined && security.length === 0) {
        report({ message: 'An operation with x-scope has security', location });
      }
    },
  };
}

/** What has no name gets one that nobody likes, such as AssignTask200Response or InlineObject1. */
function namedTypes() {
  return {
    Schema({ oneOf, anyOf, properties }, { report, location }) {
      const isUnion = oneOf !== undefined || anyOf !== undefined;
      const isInComponents = location.pointer.startsWith('#/components/schemas/');
      if (isUnion && !/^#\/components\/schemas\/[^/]+$/.test(location.pointer)) {
        report({ message: 'A union without a name: give it one in components/schemas', location });
      }
      if (properties !== undefined && !isInComponents) {
        report({
          message: 'An object without a name: give it one in components/schemas',
          location,
        });
      }
    },
  };
}

/** openapi-python-client leaves out what has such a schema, even an operation's answer. */
function completeTypes() {
  return {
    Schema({ type, items, default: fallback }, { report, location }) {
      if (type === 'array' && items === undefined) {
        report({ message: 'A list of what? items: {} is a list of anything', location });
      }
      if (typeof fallback === 'object' && fallback !== null) {
        report({ message: 'A default that is no text, number or boolean', location });
      }
    },
  };
}
