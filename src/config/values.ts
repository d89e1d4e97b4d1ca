import { isIP } from 'node:net';
import type { ParamsForm, Route, RoutingOptions } from '../celery/wire/routing.js';
import { integerBetween, listOf, parseText } from './reader.js';

export const LOG_LEVELS = ['CRITICAL', 'ERROR', 'WARNING', 'INFO', 'DEBUG'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Python's other names for its levels (`_nameToLevel` of its logging). */
const LEVEL_ALIASES: Readonly<Record<string, LogLevel>> = { WARN: 'WARNING', FATAL: 'CRITICAL' };

export function parseLogLevel(text: string): LogLevel {
  const name = text.toUpperCase();
  const level = LEVEL_ALIASES[name] ?? LOG_LEVELS.find((known) => known === name);
  if (level === undefined) {
    throw new Error(`must be one of ${LOG_LEVELS.join(', ')}`);
  }
  return level;
}

export function parseKeyPrefix(text: string): string {
  if (!/^[\x21-\x7e]*$/.test(text)) {
    throw new Error('must be visible ASCII characters');
  }
  return text;
}

export function parseSeparator(text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text)) {
    throw new Error('must be visible ASCII characters, such as :');
  }
  return text;
}

/** Priorities beyond 9 are 9 (`Channel._get_message_priority` of kombu/transport/virtual/base.py). */
export function parsePrioritySteps(text: string): readonly number[] {
  const steps = listOf(integerBetween(0, 9))(text);
  if (steps[0] !== 0 || steps.some((step, index) => step <= (steps[index - 1] ?? -1))) {
    throw new Error('must be ascending priorities from 0 on, such as 0,1,2,3,4,5,6,7,8,9');
  }
  return steps;
}

/** Names that Sentinel itself takes (`sentinel monitor` of Redis's sentinel.c). */
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

/** gzip is the only one of kombu's compressions that every worker has (kombu/compression.py). */
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
  // Other schemes than the web's have the origin `null`.
  const origin = URL.canParse(text) ? new URL(text).origin : 'null';
  if (origin === 'null') {
    throw new Error('must be * or a list of origins such as https://app.example.com');
  }
  if (text === `${origin}/`) {
    throw new Error(`must not have a slash at the end of an origin: write ${origin}`);
  }
  if (text !== origin) {
    throw new Error(`must have origins as browsers send them: write ${origin}`);
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

export function parseNamespaces(text: string): '*' | readonly string[] {
  if (text === '*') {
    return text;
  }
  if (/(^|,)\s*\*\s*(,|$)/.test(text)) {
    throw new Error('must be either * or a list of namespaces');
  }
  return listOf(parseNamespace)(text);
}

/** Paths, or `none`. */
export function parseFiles(text: string): readonly string[] {
  return text === 'none' ? [] : listOf(parseText)(text);
}

export function parseBuiltin(text: string): string {
  if (!/^celery(\.[A-Za-z_]\w*)+$/.test(text)) {
    throw new Error("must be names of Celery's own tasks, such as celery.backend_cleanup");
  }
  return text;
}

export function parseQueue(text: string): string {
  if (!/^[A-Za-z0-9_.:-]+$/.test(text)) {
    throw new Error('must be a queue name of letters, digits, _ . : and -');
  }
  return text;
}

/** Routes, or `none`. */
export function parseRoutes(text: string): readonly Route[] {
  return text === 'none' ? [] : listOf(parseRoute)(text);
}

function parseRoute(text: string): Route {
  const [pattern, queue, ...rest] = text.split('=').map((part) => part.trim());
  if (!pattern || !queue || rest.length > 0) {
    throw new Error('must be none, or a list of routes such as automation.*=automation_queue');
  }
  return { pattern, queue: parseQueue(queue) };
}

/** One form for all tasks, or for those whose names match a pattern. */
export function parseParamsForm(text: string): RoutingOptions['paramsAs'][number] {
  const parts = text.split('=').map((part) => part.trim());
  const [pattern, form] = parts.length === 1 ? ['*', parts[0]] : parts;
  if (!pattern || !isParamsForm(form) || parts.length > 2) {
    throw new Error(
      'must be argument, kwargs, or a list such as billing.*=kwargs,legacy.*=argument',
    );
  }
  return { pattern, form };
}

function isParamsForm(text: string | undefined): text is ParamsForm {
  return text === 'argument' || text === 'kwargs';
}
