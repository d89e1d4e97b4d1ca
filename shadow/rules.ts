import type { Difference } from './difference.js';
import { ajv, readJson, readText } from './files.js';

/** A difference that is meant. */
export interface Rule {
  name: string;
  /** Why, for people. */
  why: string;
  /** `body/state` and all below it; `status`, `header allow`, `messages`, `message/headers/lang` likewise. */
  places: readonly string[];
  /** Of which answers it holds: of all, where nothing is said. */
  when?: {
    method?: string;
    /** A regular expression for the path as the case has it. */
    path?: string;
    pythonStatus?: number;
    nodeStatus?: number;
    /** A regular expression for the body of this service's answer. */
    nodeText?: string;
  };
  /** Regular expressions for the two values, as the report shows them: JSON, or `absent`. */
  python?: string;
  node?: string;
}

/** What a difference is part of. */
interface Setting {
  method: string;
  path: string;
  pythonStatus: number;
  nodeStatus: number;
  nodeText: string;
}

const pattern = { type: 'string', format: 'regex' };

const areRules = ajv.compile<readonly Rule[]>({
  type: 'array',
  items: {
    type: 'object',
    required: ['name', 'why', 'places'],
    additionalProperties: false,
    properties: {
      name: { type: 'string', pattern: '^[a-z][a-z0-9-]*$' },
      why: { type: 'string', minLength: 1 },
      places: { type: 'array', minItems: 1, items: { type: 'string', minLength: 1 } },
      when: {
        type: 'object',
        additionalProperties: false,
        properties: {
          method: { type: 'string' },
          path: pattern,
          pythonStatus: { type: 'integer' },
          nodeStatus: { type: 'integer' },
          nodeText: pattern,
        },
      },
      python: pattern,
      node: pattern,
    },
  },
});

/** Reads an allow-list, or throws a QuickstartError that says what is wrong with it. */
export function readRules(file: string): readonly Rule[] {
  return readJson(areRules, readText(file), file);
}

/** The first rule by which the difference is meant. */
export function ruleFor(
  difference: Difference,
  setting: Setting,
  rules: readonly Rule[],
): Rule | undefined {
  return rules.find(
    ({ places, when = {}, python, node }) =>
      places.some((place) => isAtOrBelow(difference.place, place)) &&
      (when.method === undefined || when.method === setting.method) &&
      matches(when.path, setting.path) &&
      (when.pythonStatus === undefined || when.pythonStatus === setting.pythonStatus) &&
      (when.nodeStatus === undefined || when.nodeStatus === setting.nodeStatus) &&
      matches(when.nodeText, setting.nodeText) &&
      matches(python, difference.python) &&
      matches(node, difference.node),
  );
}

function isAtOrBelow(place: string, above: string): boolean {
  return place === above || place.startsWith(`${above}/`);
}

function matches(expression: string | undefined, text: string): boolean {
  return expression === undefined || new RegExp(expression).test(text);
}
