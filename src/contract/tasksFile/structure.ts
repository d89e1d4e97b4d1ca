/** Any schema, held against the meta-schema of JSON Schema 2020-12. */
const SCHEMA = { $ref: 'https://json-schema.org/draft/2020-12/schema' };

/** Members that begin with `x-` are the owner's own: for anchors of YAML, say. */
const OWN_MEMBERS = { '^x-': {} };

/** What `docs/your-own-workers.md` says of a tasks file, as a JSON Schema. */
export const STRUCTURE = {
  type: 'object',
  required: ['tasks'],
  properties: {
    tasks: {
      type: 'object',
      propertyNames: { $ref: '#/$defs/taskType' },
      additionalProperties: { $ref: '#/$defs/task' },
    },
    schemas: {
      type: 'object',
      propertyNames: {
        pattern: '^[A-Z][A-Za-z0-9]*$',
        'x-allowed': 'letters and digits, beginning with a capital, as names of classes are',
      },
      additionalProperties: SCHEMA,
    },
  },
  patternProperties: OWN_MEMBERS,
  additionalProperties: false,
  $defs: {
    // `TaskType` of the contract, which may have been widened by the settings.
    taskType: { $ref: 'openapi.yaml#/components/schemas/TaskType' },
    task: {
      type: ['object', 'null'],
      properties: {
        summary: { type: 'string' },
        params: SCHEMA,
        result: SCHEMA,
        progress: SCHEMA,
        params_as: { enum: ['argument', 'kwargs'] },
        queue: {
          type: 'string',
          pattern: '^[A-Za-z0-9_.:-]+$',
          'x-allowed': 'a queue name of letters, digits, _ . : and -',
        },
        options: {
          $ref: 'openapi.yaml#/components/schemas/TaskOptions',
          properties: { expires: { type: 'number' } },
          propertyNames: {
            enum: ['priority', 'countdown', 'expires', 'time_limit', 'soft_time_limit'],
          },
        },
      },
      patternProperties: OWN_MEMBERS,
      additionalProperties: false,
    },
  },
};
