import { parseExact, writeExact } from '../../json/exactJson.js';
import { withoutKombuObjects } from '../python/kombuTypes.js';

/** Reads a message as kombu puts it into Redis: its headers, and the value of its body; undefined if it is none. */
export function readMessage(
  text: string,
): { headers: Readonly<Record<string, unknown>>; body: unknown } | undefined {
  const { headers, properties, body } = fieldsOf(parse(text));
  if (typeof body !== 'string') {
    return undefined;
  }
  const isEncoded = fieldsOf(properties).body_encoding === 'base64';
  return {
    headers: fieldsOf(headers),
    body: parse(isEncoded ? Buffer.from(body, 'base64').toString() : body),
  };
}

/** The members of what may be an object; of anything else, none. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** The items of a list; any other value counts as an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A number; undefined for anything else. */
export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return parsePython(text);
  }
}

/** Reads JSON that only Python writes: a task's arguments may hold NaN. */
function parsePython(text: string): unknown {
  try {
    const value = withoutKombuObjects(parseExact(text, { allowsInfinity: true }));
    return JSON.parse(writeExact(value));
  } catch {
    return undefined;
  }
}
