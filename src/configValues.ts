import { isIP } from 'node:net';
import type { Route } from './celery/routing.js';

export const LOG_LEVELS = ['CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Reads a value from the text of a variable. Throws an Error that says what it must be. */
export type Parse<Value> = (text: string) => Value;

/** For a variable whose default is to have no value. */
export function optional<Value>(parse: Parse<Value>): Parse<Value | undefined> {
  return parse;
}

export function parseText(text: string): string {
  return text;
}

export function integerBetween(least: number, most: number): Parse<number> {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < least || number > most) {
      throw new Error(`must be a whole number from ${least} to ${most}`);
    }
    return number;
  };
}

/** A number that must not be below that of another variable. */
export function atLeast(other: string, least: number, parse: Parse<number>): Parse<number> {
  return (text) => {
    const number = parse(text);
    if (number < least) {
      throw new Error(`must not be less than ${other}, which is ${least}`);
    }
    return number;
  };
}

/** A number that must not be above that of another variable. */
export function atMost(other: string, most: number, parse: Parse<number>): Parse<number> {
  return (text) => {
    const number = parse(text);
    if (number > most) {
      throw new Error(`must not be more than ${other}, which is ${most}`);
    }
    return number;
  };
}

/** At most the longest delay of a timer in Node.js, 2^31 - 1 ms. */
export const milliseconds = integerBetween(1, 2_147_483_647);

export function parseLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text.toUpperCase());
  if (level === undefined) {
    throw new Error(`must be one of ${LOG_LEVELS.join(', ')}`);
  }
  return level;
}

export function parseBoolean(text: string): boolean {
  if (!/^(true|false)$/i.test(text)) {
    throw new Error('must be true or false');
  }
  return text.toLowerCase() === 'true';
}

export function parseKeyPrefix(text: string): string {
  if (!/^[\x21-\x7e]*$/.test(text)) {
    throw new Error('must be visible ASCII characters');
  }
  return text;
}

/** What Sentinel itself takes as a name (`sentinel monitor` of Redis's sentinel.c). */
export function parseMasterName(text: string): string {
  if (!/^[A-Za-z0-9._-]+$/.test(text)) {
    throw new Error('must be letters, digits, . - and _, such as mymaster');
  }
  return text;
}

export function parseTaskOrigin(text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text)) {
    throw new Error('must be visible ASCII characters, such as orchestrator@example');
  }
  return text;
}

/** Of kombu's compressions, gzip is the one that every worker has (kombu/compression.py). */
export function parseCompression(text: string): boolean {
  if (!/^(gzip|none)$/i.test(text)) {
    throw new Error('must be gzip or none');
  }
  return text.toLowerCase() === 'gzip';
}

export function parseRootPath(text: string): string {
  const path = text.replace(/\/+$/, '');
  if (!/^(\/[A-Za-z0-9._~-]+)*$/.test(path)) {
    throw new Error('must be a path such as /orchestrator');
  }
  return path;
}

export function parseTrustProxy(text: string): boolean | number | string {
  if (/^(true|false)$/i.test(text)) {
    return text.toLowerCase() === 'true';
  }
  if (/^\d+$/.test(text)) {
    return Number(text);
  }
  if (!text.split(',').every((proxy) => isNetwork(proxy.trim()))) {
    throw new Error(
      'must be true, false, a number of proxies, or a list of addresses and networks',
    );
  }
  return text;
}

function isNetwork(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) {
    return true;
  }
  const [address = '', prefix, ...rest] = text.split('/');
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  const validPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
  return bits > 0 && validPrefix && rest.length === 0;
}

export function parseOrigins(text: string): '*' | readonly string[] {
  return text === '*' ? text : listOf(parseWebOrigin)(text);
}

function parseWebOrigin(text: string): string {
  if (!URL.canParse(text) || new URL(text).origin !== text) {
    throw new Error('must be * or a list of origins such as https://app.example.com');
  }
  return text;
}

export function parseNamespace(text: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*$/.test(text)) {
    throw new Error('must be made of words of letters, digits, _ and -, joined by dots');
  }
  // celery.chord_unlock, celery.backend_cleanup and the like (celery/app/builtins.py).
  if (/^celery(\.|$)/.test(text)) {
    throw new Error("must not be celery: a client could send the tasks that are Celery's own");
  }
  return text;
}

export function parseQueue(text: string): string {
  if (!/^[A-Za-z0-9_.:-]+$/.test(text)) {
    throw new Error('must be a queue name of letters, digits, _ . : and -');
  }
  return text;
}

export function parseRoute(text: string): Route {
  const [pattern, queue, ...rest] = text.split('=').map((part) => part.trim());
  if (!pattern || !queue || rest.length > 0) {
    throw new Error('must be a list of routes such as automation.*=automation_queue');
  }
  return { pattern, queue: parseQueue(queue) };
}

export function listOf<Value>(parse: Parse<Value>): Parse<readonly Value[]> {
  return (text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
      .map(parse);
}

/**
 * Returns a function that reads one variable. A fault is kept in `faults`, and the default is given in
 * its place, so that all faults are found. A text as default is parsed like a variable's own.
 */
export function createReader(
  environment: Readonly<Record<string, string | undefined>>,
  faults: string[],
): <Value>(
  name: string,
  parse: Parse<Value>,
  fallback: string | Exclude<Value, string>,
  options?: { secret: boolean },
) => Value {
  return (name, parse, fallback, options) => {
    const otherwise = () => (typeof fallback === 'string' ? parse(fallback) : fallback);
    const text = environment[name]?.trim();
    if (text === undefined || text === '') {
      return otherwise();
    }
    try {
      return parse(text);
    } catch (error) {
      const received = options?.secret ? '' : ` (received: ${JSON.stringify(text)})`;
      faults.push(`${name} ${error instanceof Error ? error.message : String(error)}${received}`);
      return otherwise();
    }
  };
}
