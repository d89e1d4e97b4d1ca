import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readOptions } from '../../../bench/options.js';
import { readOptions as readShadowOptions } from '../../../shadow/options.js';
import { REPOSITORY } from '../fleet.js';

export interface Elsewhere {
  command: RegExp;
  because: string;
  /** A text that stands in a file of the repository, or what is looked at here. */
  instead: { file: string; has: RegExp } | ((command: string) => void);
}

/** Commands that spec/commands.spec.ts does not run as they stand: why, and what runs them, or holds them, instead. */
export const ELSEWHERE: readonly Elsewhere[] = [
  {
    command: /^npm (ci|cit)$/,
    because: 'it would install what runs this spec anew',
    instead: { file: '.ci/run', has: /^tests .* npm cit$/m },
  },
  {
    command: /^npm test( -- -g \w+)?$/,
    because: 'this spec is a part of it',
    instead: { file: '.ci/run', has: /^tests .* npm cit$/m },
  },
  ...(
    [
      ['npm run test:faults', 'it takes minutes'],
      ['npm run check', 'it takes long'],
      ['npm run test:workers', 'it takes long'],
      ['npm run check:workers', 'it takes long'],
      ['npm run check:peer', 'it needs the Python environment that the bench makes'],
      ['npm run bench:guard', 'it needs the machine for itself'],
    ] as const
  ).map(([command, because]) => ({
    command: new RegExp(`^${command}$`),
    because,
    instead: { file: '.ci/run', has: new RegExp(`^(check|tests .*) ${command}$`, 'm') },
  })),
  {
    command: /^\.ci\/run$/,
    because: 'it runs this spec',
    instead: { file: '.ci/run', has: /^tests .* npm cit$/m },
  },
  {
    command: /^npm run bench\b/,
    because: 'it takes minutes, and the machine for itself; spec/bench.spec.ts makes tiny runs',
    instead: (command) => {
      readOptions(command.split(' ').slice(4));
    },
  },
  {
    command: /^npm run pictures$/,
    because: 'it starts all once more',
    instead: { file: 'spec/project/pictures.spec.ts', has: /dist\/pictures\/main\.js/ },
  },
  {
    command: /^python -m pytest$/,
    because: 'it takes long',
    instead: { file: 'package.json', has: /"test:workers": ".*python -m pytest"/ },
  },
  {
    command: /^(mypy|ruff check && ruff format --check)$/,
    because: 'it takes long',
    instead: {
      file: 'package.json',
      has: /"check:workers": ".*\/mypy && .*\/ruff check && .*\/ruff format --check"/,
    },
  },
  {
    command: /^npm run clients\b/,
    because: 'it installs three generators',
    instead: { file: '.ci/run', has: /^check npm run clients -- typescript python$/m },
  },
  {
    command: /^(redis-server|REDIS_URL=\S+ (uvicorn|FASTAPI_PORT=\d+ npm start)) ?/,
    because: 'the old service is its own repository; spec/project/shadow.spec.ts starts such three',
    instead: { file: 'spec/project/shadow.spec.ts', has: /startOldService\(/ },
  },
  {
    command: /^npm run shadow\b/,
    because: 'it is for two services; spec/project/shadow.spec.ts runs it between them',
    instead: (command) => {
      readShadowOptions(command.replaceAll('\\\n', '').split(/\s+/).slice(4), {});
    },
  },
  {
    command: /^(WORKER_REPLICAS=\d+ )?docker(-compose)? /,
    because: 'the images come from a registry, and a machine may have no Docker',
    instead: { file: 'spec/project/compose.spec.ts', has: /describe\('docker-compose\.yml'/ },
  },
  {
    command: /^kubectl /,
    because: 'a machine may have no cluster',
    instead: { file: 'spec/project/kubernetes.spec.ts', has: /kubernetes-validate/ },
  },
];

/** Demands that what runs or holds the command instead is there. */
export function holdElsewhere({ instead }: Elsewhere, command: string): void {
  if (typeof instead === 'function') {
    instead(command);
  } else {
    assert.match(readFileSync(join(REPOSITORY, instead.file), 'utf8'), instead.has);
  }
}
