import { at, cut, isObject, textOf } from './json.js';

/** How far a task is. */
export interface Progress {
  /** From 0 to 1; undefined where its meta does not say. */
  fraction: number | undefined;
  text: string;
}

const SHOWN_CHARACTERS = 300;

/** Fields of a meta that say something of themselves in words, as tasks usually call them. */
const WORDS = ['message', 'description', 'step', 'stage', 'status'];

/**
 * Reads the meta that a task has given with a state of its own: `current` of `total`, or `percent`, as the
 * fleet's tasks and Celery's documentation have it. Any other is shown as it is.
 */
export function progressOf(meta: unknown): Progress {
  const current = numberOf(at(meta, 'current'));
  const total = numberOf(at(meta, 'total'));
  const percent = numberOf(at(meta, 'percent'));
  // The fleet's own metas repeat the name of the state there.
  const words = WORDS.map((name) => textOf(at(meta, name))).find(
    (text) => text !== '' && !['progress', 'running'].includes(text),
  );
  if (current !== undefined && total !== undefined && total > 0) {
    const fraction = between(current / total);
    return { fraction, text: joined(`${current} of ${total} (${percentOf(fraction)})`, words) };
  }
  if (percent !== undefined) {
    const fraction = between(percent / 100);
    return { fraction, text: joined(percentOf(fraction), words) };
  }
  const text = typeof meta === 'string' ? meta : (JSON.stringify(meta) as string | undefined);
  const isEmpty = text === undefined || (isObject(meta) && Object.keys(meta).length === 0);
  return { fraction: undefined, text: isEmpty ? '' : cut(text, SHOWN_CHARACTERS) };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function between(fraction: number): number {
  return Math.min(Math.max(fraction, 0), 1);
}

function percentOf(fraction: number): string {
  // Of 0.29 * 100, a double makes a little less than 29.
  return `${Math.floor(fraction * 100 + 1e-9)} %`;
}

function joined(figures: string, words: string | undefined): string {
  return words === undefined ? figures : `${figures}: ${cut(words, SHOWN_CHARACTERS)}`;
}
