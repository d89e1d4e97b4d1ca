import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readOptions } from '../../../bench/options.js';
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
    instead: { file: 'spec/pictures.spec.ts', has: /dist\/pictures\/main\.js/ },
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
    command: /^docker(-compose)? /,
    because: 'the images come from a registry, and a machine may have no Docker',
    instead: { file: 'docker-compose.yml', has: /^ {2}orchestrator:$/m },
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
