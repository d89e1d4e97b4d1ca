import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { REPOSITORY } from '../support/fleet.js';

const SOURCE = `${REPOSITORY}src/`;

/** Which rooms a room's files may import from, beside their own and those of everybody. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  main: ['config', 'contract', 'log', 'processes', 'service'],
  processes: ['config', 'log', 'metrics', 'service'],
  service: [
    ...['config', 'log', 'contract', 'operations', 'celery', 'redis', 'http', 'metrics', 'tracing'],
  ],
  // What these hand on is described where it is used.
  config: ['celery', 'contract', 'json', 'redis'],
  log: ['config', 'json'],
  errors: ['contract'],
  contract: ['json'],
  http: ['config', 'log', 'contract', 'operations', 'pages', 'json', 'metrics', 'tracing'],
  pages: ['contract'],
  operations: ['contract', 'pages', 'celery', 'redis', 'json', 'tracing'],
  celery: ['redis', 'json'],
  redis: [],
  json: [],
  metrics: ['celery'],
  tracing: ['celery'],
};

/** Of which rooms a room may import types alone: `service/` hands it what they make. */
const TYPES_ONLY: Readonly<Record<string, readonly string[]>> = {
  http: ['metrics'],
  operations: ['celery', 'redis'],
  metrics: ['celery'],
  tracing: ['celery'],
};

/** The same for the folders of `celery/`, among themselves. */
const ALLOWED_IN_CELERY: Readonly<Record<string, readonly string[]>> = {
  producing: ['python', 'wire'],
  results: ['python', 'wire'],
  queues: ['wire'],
  fleet: ['wire'],
  wire: ['python'],
  python: [],
};

/** How many files one folder may have. */
const LARGEST = 14;

const EVERYBODYS = ['errors', 'packageFolder', 'timestamp'];

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

  it('imports only along its arrows within celery/', () => {
    const within = imports.filter(({ file, imported }) =>
      [file, imported].every((path) => /^celery\/\w+\//.test(path)),
    );
    assert.ok(within.length > 20);
    const wrong = within.filter(({ file, imported }) => {
      const [from, to] = [folderOf(file), folderOf(imported)];
      return from !== to && !(ALLOWED_IN_CELERY[from] ?? []).includes(to);
    });
    assert.deepEqual(wrong, []);
  });

  it('takes no more than types where a room is told what it needs by service/', () => {
    const wrong = imports.filter(
      ({ file, imported, typesOnly }) =>
        !typesOnly && (TYPES_ONLY[roomOf(file)] ?? []).includes(roomOf(imported)),
    );
    assert.deepEqual(wrong, []);
  });

  it('has folders that can be read at a glance', () => {
    const count = new Map<string, number>();
    for (const file of files) count.set(dirname(file), (count.get(dirname(file)) ?? 0) + 1);
    const large = [...count].filter(([folder, size]) => size > (folder === '.' ? 4 : LARGEST));
    assert.deepEqual(large, []);
  });

  it('loads OpenTelemetry for those who want it, and nowhere else', () => {
    const wrong = files.filter((file) =>
      /^import (?!type )[^;]*from '@opentelemetry/m.test(readFileSync(join(SOURCE, file), 'utf8')),
    );
    assert.deepEqual(wrong, []);
    assert.deepEqual(filesWith(/import\('@opentelemetry/), ['tracing/openTelemetry.ts']);
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
    assert.deepEqual(filesWith(/\bprocess\.(env|on|exit|exitCode|stderr)\b/), ['main.ts']);
    const writers = filesWith(/\bprocess\.stdout\b/).filter((file) => !file.startsWith('log/'));
    assert.deepEqual(writers, ['main.ts']);
  });

  it('has one home for each fact of the wire', () => {
    assert.deepEqual(filesWith(/celery-task-meta-/), ['celery/results/results.ts']);
    assert.deepEqual(
      filesWith(/from 'celery-node\b/).filter((file) => !file.startsWith('celery/')),
      [],
    );
    assert.deepEqual(
      filesWith(/from 'ioredis'/).filter((file) => !/^(celery|redis)\//.test(file)),
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

/** The folder within a room, such as `wire` of `celery/wire/keys.ts`. */
function folderOf(file: string): string {
  return file.split('/')[1] ?? '';
}

function filesWith(pattern: RegExp): string[] {
  return files.filter((file) => pattern.test(readFileSync(join(SOURCE, file), 'utf8')));
}
