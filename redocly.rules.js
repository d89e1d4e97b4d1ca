// Rules of redocly.yaml that Redocly has not got: what generators make bad names of, or leave out.

export default () => ({
  id: 'contract',
  rules: { oas3: { 'named-types': namedTypes, 'complete-types': completeTypes } },
});

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
