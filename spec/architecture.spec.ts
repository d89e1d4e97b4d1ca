import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { REPOSITORY } from './support/fleet.js';

const SOURCE = `${REPOSITORY}src/`;

/** Which rooms a room's files may import from, beside their own and those of everybody. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  main: ['config', 'contract', 'log', 'logLines', 'processes', 'service'],
  processes: ['config', 'log', 'metrics', 'service'],
  service: ['config', 'log', 'contract', 'operations', 'celery', 'http', 'metrics', 'observation'],
  observation: ['config', 'log', 'contract', 'celery', 'metrics', 'tracing'],
  // What these hand on is described where it is used.
  config: ['apiKeys', 'configReader', 'configTracing', 'configValues', 'celery', 'json'],
  apiKeys: [],
  configReader: [],
  configTracing: ['configReader'],
  configValues: ['celery', 'configReader'],
  log: ['configValues', 'logLines'],
  logLines: ['configValues', 'json'],
  errors: ['contract'],
  contract: ['json'],
  operations: ['contract', 'celery', 'json', 'tracing'],
  celery: ['json'],
  json: [],
  metrics: [],
  // Runs in a browser.
  console: [],
  tracing: [],
  http: ['apiKeys', 'config', 'log', 'contract', 'operations', 'json', 'tracing'],
};

const EVERYBODYS = ['errors', 'remembered', 'timestamp'];

interface Import {
  file: string;
  imported: string;
  typesOnly: boolean;
}

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && file !== 'contract/openapi.ts',
);
const imports = files.flatMap(importsOf);

describe('The house', () => {
  it('imports only along its arrows', () => {
    const wrong = imports.filter(({ file, imported }) => {
      const [from, to] = [roomOf(file), roomOf(imported)];
      return from !== to && !EVERYBODYS.includes(to) && !(ALLOWED[from] ?? []).includes(to);
    });
    assert.deepEqual(wrong, []);
  });

  it('gives operations the types of celery/ and no more', () => {
    const wrong = imports.filter(
      ({ file, imported, typesOnly }) =>
        roomOf(file) === 'operations' && roomOf(imported) === 'celery' && !typesOnly,
    );
    assert.deepEqual(wrong, []);
  });

  it('loads OpenTelemetry for those who want it, and nowhere else', () => {
    const wrong = files.filter((file) =>
      /^import (?!type )[^;]*from '@opentelemetry/m.test(readFileSync(join(SOURCE, file), 'utf8')),
    );
    assert.deepEqual(wrong, []);
    assert.deepEqual(filesWith(/import\('@opentelemetry/), ['tracing/openTelemetry.ts']);
  });

  it('gives celery/ nothing of ours but JSON and a memory', () => {
    assert.deepEqual(
      imports.filter(
        ({ file, imported }) =>
          roomOf(file) === 'celery' && !['celery', 'json', 'remembered'].includes(roomOf(imported)),
      ),
      [],
    );
  });

  it('has no cycles', () => {
    const importedBy = new Map(files.map((file) => [file, [] as string[]]));
    for (const { file, imported } of imports) {
      importedBy.get(file)?.push(imported);
    }
    const reach = (file: string, seen: Set<string>): Set<string> => {
      for (const next of importedBy.get(file) ?? []) {
        if (!seen.has(next)) {
          seen.add(next);
          reach(next, seen);
        }
      }
      return seen;
    };
    assert.deepEqual(
      files.filter((file) => reach(file, new Set()).has(file)),
      [],
    );
  });

  it('lets main.ts alone touch the process', () => {
    assert.deepEqual(filesWith(/\bprocess\.(env|on|exit|exitCode|stdout|stderr)\b/), ['main.ts']);
  });

  it('has one home for each fact of the wire', () => {
    assert.deepEqual(filesWith(/celery-task-meta-/), ['celery/results.ts']);
    assert.deepEqual(
      filesWith(/from 'celery-node'/).filter((file) => !file.startsWith('celery/')),
      [],
    );
    assert.deepEqual(
      filesWith(/from 'ioredis'/).filter((file) => !file.startsWith('celery/')),
      [],
    );
  });

  it('writes no path of the API outside the contract', () => {
    const document = readFileSync(`${REPOSITORY}openapi.yaml`, 'utf8');
    const paths = [...document.matchAll(/^ {2}(\/[a-z][^:]*):$/gm)].map(([, path]) => path ?? '');
    assert.ok(paths.length >= 8);
    const literal = new RegExp(`['"\`](${paths.map(escape).join('|')})['"\`]`);
    assert.deepEqual(filesWith(literal), []);
  });
});

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SOURCE, file), 'utf8');
  return [...text.matchAll(/^import (type )?([^;]*?)from '(\.[^']+)'/gms)].map(
    ([, typeKeyword, names = '', path = '']) => ({
      file,
      imported: normalize(join(dirname(file), path)).replace(/\.js$/, '.ts'),
      typesOnly: typeKeyword !== undefined || everyNameIsType(names),
    }),
  );
}

function everyNameIsType(names: string): boolean {
  return names
    .replace(/[{}]/g, '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .every((name) => name.startsWith('type '));
}

function roomOf(file: string): string {
  return (file.split('/')[0] ?? '').replace(/\.ts$/, '');
}

function filesWith(pattern: RegExp): string[] {
  return files.filter((file) => pattern.test(readFileSync(join(SOURCE, file), 'utf8')));
}
