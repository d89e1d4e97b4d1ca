import type { OpenApiParameter } from './document.js';

/** A parameter of the query, as far as its text has to be read by its schema. */
export interface QueryParameter {
  name: string;
  type: unknown;
  /** The type of its items, where it is a list. */
  itemType: unknown;
  fallback: unknown;
}

export function queryParameterOf({ name, schema }: OpenApiParameter): QueryParameter {
  const { type, items, default: fallback } = schema as Schema;
  return { name, type, itemType: items?.type, fallback };
}

interface Schema {
  type?: unknown;
  items?: { type?: unknown };
  default?: unknown;
}

/**
 * The values of these parameters in a URL, by name; one that is not there is absent, or has its default. A list
 * may be repeated or separated by commas. A text that is not of its type stays a text, and a single value that
 * is repeated becomes a list, so that the schema finds the fault.
 */
export function readQuery(
  parameters: readonly QueryParameter[],
  url: string,
): Readonly<Record<string, unknown>> {
  const start = url.indexOf('?');
  if (start < 0 && !parameters.some(({ fallback }) => fallback !== undefined)) {
    return NOTHING;
  }
  const values: Record<string, unknown> = {};
  const search = new URLSearchParams(start < 0 ? '' : url.slice(start));
  for (const { name, type, itemType, fallback } of parameters) {
    const texts = search.getAll(name);
    if (texts.length === 0) {
      if (fallback !== undefined) {
        values[name] = fallback;
      }
    } else if (type === 'array') {
      values[name] = texts
        .flatMap((text) => text.split(','))
        .filter((text) => text !== '')
        .map((text) => valueOf(text, itemType));
    } else {
      values[name] = texts.length > 1 ? texts : valueOf(texts[0] ?? '', type);
    }
  }
  return values;
}

const NOTHING = {};

function valueOf(text: string, type: unknown): unknown {
  if ((type === 'number' || type === 'integer') && /^-?\d{1,15}(\.\d{1,15})?$/.test(text)) {
    return Number(text);
  }
  if (type === 'boolean' && (text === 'true' || text === 'false')) {
    return text === 'true';
  }
  return text;
}
