import { QuickstartError } from '../stack/failure.js';
import { scanJson } from '../src/json/scanJson.js';
import { ajv, readJson, readText } from './files.js';

/** One recorded request. */
export interface Case {
  /** `cases.jsonl:12`. */
  where: string;
  name: string;
  method: string;
  /** With its query. `{NAME}` stands for the task's id that a case before it has kept under this name. */
  path: string;
  /** By their names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** As it is sent, digit by digit. */
  body: string | undefined;
  /** The name under which the task's id in the answer is kept. */
  keep: string | undefined;
  /** The text that a worker would have stored of a task, whose id is `{stored}`. */
  stored: string | undefined;
}

interface Line {
  name?: string;
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: unknown;
  keep?: string;
  stored?: object | string;
}

const NAME = '^[A-Za-z][A-Za-z0-9_-]*$';

const isLine = ajv.compile<Line>({
  type: 'object',
  required: ['path'],
  additionalProperties: false,
  properties: {
    name: { type: 'string' },
    method: { type: 'string', pattern: '^[A-Z]+$' },
    path: { type: 'string', pattern: '^/[^\\s#]*$' },
    headers: { type: 'object', additionalProperties: { type: 'string' } },
    body: {},
    keep: { type: 'string', pattern: NAME, not: { const: 'stored' } },
    stored: { type: ['object', 'string'] },
  },
});

/** Reads the requests of a file, or throws a QuickstartError that names the line. */
export function readCases(file: string): Case[] {
  const cases = readText(file)
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : [caseOf(line, `${file}:${index + 1}`)]));
  if (cases.length === 0) {
    throw new QuickstartError(`${file} has no request: it holds one JSON object a line`);
  }
  const kept = new Set<string>();
  for (const { where, path, keep, stored } of cases) {
    for (const name of namesIn(path)) {
      if (name !== 'stored' && !kept.has(name)) {
        throw new QuickstartError(`${where}: {${name}} is kept by no case before it`);
      }
    }
    if ((stored !== undefined) !== namesIn(path).includes('stored')) {
      throw new QuickstartError(`${where}: "stored" and {stored} in the path belong together`);
    }
    if (keep !== undefined) {
      kept.add(keep);
    }
  }
  return cases;
}

function caseOf(line: string, where: string): Case {
  const { name, method, path, headers = {}, body, keep, stored } = readJson(isLine, line, where);
  const scan = scanJson(Buffer.from(line));
  return {
    where,
    name: name ?? '',
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    path,
    headers: {
      ...(typeof body !== 'string' && body !== undefined && { 'content-type': 'application/json' }),
      ...Object.fromEntries(
        Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value]),
      ),
    },
    body: textOf(body, scan.member('body')),
    keep,
    stored: textOf(stored, scan.member('stored')),
  };
}

/** A text as it is; of any other value, its JSON as it stands in the file. */
function textOf(value: unknown, json: Buffer | undefined): string | undefined {
  return typeof value === 'string' ? value : json?.toString();
}

/** The names in braces. */
export function namesIn(text: string): string[] {
  return Array.from(text.matchAll(/\{([A-Za-z][A-Za-z0-9_-]*)\}/g), ([, name = '']) => name);
}
